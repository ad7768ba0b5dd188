//! What stands for what: operators, methods and values that are easily taken for each other.

use syn::BinOp;

/// The operators that could be meant instead.
pub fn operators(op: &BinOp) -> &'static [&'static str] {
    match op {
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Add(_) => &["-"],
        BinOp::Sub(_) => &["+"],
        BinOp::Mul(_) => &["/"],
        BinOp::Div(_) => &["*"],
        BinOp::Rem(_) => &["/"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::MulAssign(_) => &["/="],
        BinOp::DivAssign(_) => &["*="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) => &["&="],
        _ => &[],
    }
}

/// Whether it makes a truth value.
pub fn is_bool(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::Lt(_)
            | BinOp::Le(_)
            | BinOp::Gt(_)
            | BinOp::Ge(_)
            | BinOp::Eq(_)
            | BinOp::Ne(_)
            | BinOp::And(_)
            | BinOp::Or(_)
    )
}

/// Whether it changes what stands on its left.
pub fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// The methods of the same arguments and result that do something else.
pub fn methods(name: &str, arguments: usize) -> &'static [&'static str] {
    match (name, arguments) {
        ("saturating_add", 1) => &["saturating_sub"],
        ("saturating_sub", 1) => &["saturating_add"],
        ("checked_add", 1) => &["checked_sub"],
        ("checked_sub", 1) => &["checked_add"],
        ("min", _) => &["max"],
        ("max", _) => &["min"],
        ("min_by_key", 1) => &["max_by_key"],
        ("max_by_key", 1) => &["min_by_key"],
        ("any", 1) => &["all"],
        ("all", 1) => &["any"],
        ("first", 0) => &["last"],
        ("last", 0) => &["first"],
        ("is_some", 0) => &["is_none"],
        ("is_none", 0) => &["is_some"],
        ("is_ok", 0) => &["is_err"],
        ("is_err", 0) => &["is_ok"],
        ("is_some_and", 1) => &["is_none_or"],
        ("is_none_or", 1) => &["is_some_and"],
        ("starts_with", 1) => &["ends_with"],
        ("ends_with", 1) => &["starts_with"],
        ("skip_while", 1) => &["take_while"],
        ("take_while", 1) => &["skip_while"],
        _ => &[],
    }
}

/// Whether a closure that is given to it answers a question.
pub fn asks(name: &str) -> bool {
    let names = [
        "all",
        "any",
        "filter",
        "find",
        "is_none_or",
        "is_some_and",
        "partition",
        "position",
        "retain",
        "rposition",
        "skip_while",
        "take_while",
        "then",
    ];
    names.contains(&name)
}

/// Values of a type that say nothing.
pub fn values(kind: &str) -> Vec<String> {
    let is = |start: &str| kind.starts_with(start) && kind.ends_with('>');
    let of: &[&str] = match kind {
        "bool" => &["true", "false"],
        "String" => &["String::new()"],
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" => {
            &["0", "1"]
        }
        "Duration" => &["std::time::Duration::ZERO"],
        "()" => &[""],
        _ if is("Option<") => &["None"],
        _ if is("Result<(),") || kind == "io::Result<()>" => &["Ok(())"],
        _ if is("Result<bool,") => &["Ok(true)", "Ok(false)"],
        _ if is("Result<Option<") => &["Ok(None)"],
        _ if is("Result<Vec<") => &["Ok(Vec::new())"],
        _ if is("Vec<") => &["Vec::new()"],
        _ if is("BTreeMap<") || is("BTreeSet<") || is("HashMap<") => &["Default::default()"],
        _ => &[],
    };
    of.iter().map(|value| (*value).to_owned()).collect()
}
