//! Finds the places in a file where something is decided, and what could be wrong there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Pat, ReturnType, Signature, Stmt, Type};

use crate::index::Index;
use crate::swaps;

/// One small bug: where it is, and what it makes of the source there.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// `src/guard/day.rs`
    pub file: String,
    /// `Day::spent`
    pub function: String,
    /// The first line that it touches.
    pub line: usize,
    /// ``a < b` -> `a <= b``: with the function this names it, whatever its line is.
    pub what: String,
}

impl Mutant {
    /// Its name in the files of results.
    pub fn key(&self) -> String {
        format!("{}: {}", self.function, self.what)
    }

    /// Whether it is in every place where its file has the constant.
    pub fn is_constant(&self) -> bool {
        self.function == "const"
    }
}

/// An edit of the source that holds one mutant or more: as found, later as their numbers.
#[derive(Debug)]
pub struct Edit<M> {
    pub range: Range<usize>,
    pub form: Form<M>,
}

#[derive(Debug)]
pub enum Form<M> {
    /// Other expressions for the one that is there. A match arm's body may have no comma behind it.
    Choice { is_arm: bool, variants: Vec<(M, String)> },
    /// The statement is left out.
    Skip(M),
    /// Put in where the (empty) range is; `@` is the question whether the mutant is on.
    Insert(M, String),
}

impl<M> Edit<M> {
    /// The same with something else for each mutant.
    pub fn map<N>(self, mut f: impl FnMut(M) -> N) -> Edit<N> {
        let form = match self.form {
            Form::Choice { is_arm, variants } => Form::Choice {
                is_arm,
                variants: variants.into_iter().map(|(mutant, text)| (f(mutant), text)).collect(),
            },
            Form::Skip(mutant) => Form::Skip(f(mutant)),
            Form::Insert(mutant, text) => Form::Insert(f(mutant), text),
        };
        Edit { range: self.range, form }
    }
}

/// Every edit of one file, outermost first where they are nested.
pub fn edits(path: &str, text: &str, index: &Index) -> Result<Vec<Edit<Mutant>>, syn::Error> {
    let file = syn::parse_file(text)?;
    let mut finder = Finder {
        path,
        text,
        index,
        names: Vec::new(),
        seen: BTreeMap::new(),
        in_tests: false,
        choices: BTreeMap::new(),
        others: Vec::new(),
    };
    finder.visit_file(&file);
    let mut edits = finder.others;
    let choices = finder.choices.into_iter();
    edits.extend(choices.map(|((start, _, is_arm), (end, variants))| Edit {
        range: start..end,
        form: Form::Choice { is_arm, variants },
    }));
    // An empty range lies before what begins there, and what skips a statement around it.
    edits.sort_by_key(|edit| {
        let depth = match edit.form {
            Form::Insert(..) => 0,
            Form::Skip(_) => 1,
            Form::Choice { is_arm, .. } => 2 + u8::from(!is_arm),
        };
        (edit.range.start, usize::from(!edit.range.is_empty()), usize::MAX - edit.range.end, depth)
    });
    Ok(edits)
}

struct Finder<'a> {
    path: &'a str,
    text: &'a str,
    index: &'a Index,
    /// The types and functions around.
    names: Vec<String>,
    /// How often each key was given.
    seen: BTreeMap<String, usize>,
    /// Here only the file's constants change: a test that says `LASTS` has to say a day somewhere.
    in_tests: bool,
    /// By start, negated end (so that the outer comes first) and whether it is an arm.
    choices: BTreeMap<(usize, std::cmp::Reverse<usize>, bool), (usize, Vec<(Mutant, String)>)>,
    others: Vec<Edit<Mutant>>,
}

impl Finder<'_> {
    fn source(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    fn mutant(&mut self, at: usize, what: String) -> Mutant {
        let function = self.names.join("::");
        let key = format!("{function}: {what}");
        let count = self.seen.entry(key).or_default();
        *count += 1;
        let what = if *count == 1 { what } else { format!("{what} (#{count})") };
        let line = self.text[..at].matches('\n').count() + 1;
        Mutant { file: self.path.to_owned(), function, line, what }
    }

    fn choose(&mut self, range: Range<usize>, to: String) {
        self.choose_in(range, to, false);
    }

    /// Another value for a constant, wherever the file has it: one mutant in many places.
    fn constant(&mut self, range: Range<usize>, name: &str, change: &str) {
        let to = format!("({} {change})", self.source(&range));
        let line = self.text[..range.start].matches('\n').count() + 1;
        let what = format!("`{name}` -> `{name} {change}`");
        let mutant = Mutant { file: self.path.to_owned(), function: "const".to_owned(), line, what };
        let key = (range.start, std::cmp::Reverse(range.end), false);
        self.choices.entry(key).or_insert((range.end, Vec::new())).1.push((mutant, to));
    }

    fn choose_in(&mut self, range: Range<usize>, to: String, is_arm: bool) {
        if self.in_tests {
            return;
        }
        let what = format!("`{}` -> `{}`", short(self.source(&range)), short(&to));
        let mutant = self.mutant(range.start, what);
        let key = (range.start, std::cmp::Reverse(range.end), is_arm);
        self.choices.entry(key).or_insert((range.end, Vec::new())).1.push((mutant, to));
    }

    fn insert(&mut self, at: usize, text: String, what: String) {
        if self.in_tests {
            return;
        }
        let mutant = self.mutant(at, what);
        self.others.push(Edit { range: at..at, form: Form::Insert(mutant, text) });
    }

    /// A condition that no other operator changes.
    fn condition(&mut self, expr: &Expr) {
        match expr {
            Expr::Let(_) | Expr::Lit(_) => {}
            Expr::Binary(binary) if swaps::is_bool(&binary.op) => {}
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Not(_)) => {}
            Expr::Paren(inner) => self.condition(&inner.expr),
            Expr::Block(_) | Expr::If(_) | Expr::Match(_) => {}
            _ => {
                let range = expr.span().byte_range();
                let to = format!("!({})", self.source(&range));
                self.choose(range, to);
            }
        }
    }

    /// What a function could return without doing anything.
    fn early(&mut self, signature: &Signature, block: &syn::Block) {
        let values: Vec<String> = match &signature.output {
            ReturnType::Default => vec![String::new()],
            ReturnType::Type(_, kind) => swaps::values(&squeeze(self.source(&kind.span().byte_range()))),
        };
        if block.stmts.is_empty() {
            return;
        }
        let at = block.brace_token.span.open().byte_range().end;
        for value in values {
            let what = format!("returns {}", if value.is_empty() { "at once" } else { value.as_str() });
            self.insert(at, format!(" if @ {{ return {value}; }}"), what);
        }
    }

    fn function(&mut self, signature: &Signature, block: &syn::Block) {
        if signature.constness.is_some() {
            return;
        }
        self.names.push(signature.ident.to_string());
        self.early(signature, block);
        self.visit_block(block);
        self.names.pop();
    }

    /// The constants that a test asserts something of.
    fn arguments(&mut self, call: &syn::Macro) {
        let is_assert =
            call.path.segments.last().is_some_and(|name| name.ident.to_string().starts_with("assert"));
        let parse = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        if self.in_tests
            && is_assert
            && let Ok(arguments) = call.parse_body_with(parse)
        {
            for argument in &arguments {
                self.visit_expr(argument);
            }
        }
    }

    /// Two arguments of one type, the other way round.
    fn swapped(&mut self, name: &str, args: Vec<Range<usize>>, whole: Range<usize>) {
        for at in self.index.same_types(name, args.len()) {
            let (a, b) = (&args[at], &args[at + 1]);
            if self.source(a) != self.source(b) {
                let text = self.text;
                let to = [
                    &text[whole.start..a.start],
                    self.source(b),
                    &text[a.end..b.start],
                    self.source(a),
                    &text[b.end..whole.end],
                ];
                self.choose(whole.clone(), to.concat());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    // Nothing can be switched in these.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_item_macro(&mut self, _: &'ast syn::ItemMacro) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let outer = self.in_tests;
        self.in_tests |= is_test(&module.attrs);
        visit::visit_item_mod(self, module);
        self.in_tests = outer;
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        // What things look like is the golden files' matter.
        if is_test(&item.attrs) || of.is_some_and(|name| name.ident == "Debug" || name.ident == "Display") {
            return;
        }
        let name = squeeze(self.source(&item.self_ty.span().byte_range()));
        self.names.push(name.split('<').next().unwrap_or_default().to_owned());
        visit::visit_item_impl(self, item);
        self.names.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if self.in_tests || !is_test(&item.attrs) {
            self.function(&item.sig, &item.block);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if self.in_tests || !is_test(&item.attrs) {
            self.function(&item.sig, &item.block);
        }
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        let range = stmt.span().byte_range();
        let is_effect = match stmt {
            Stmt::Expr(expr, Some(_)) => has_effect(expr),
            Stmt::Local(local) => {
                matches!(local.pat, Pat::Wild(_))
                    && local.init.as_ref().is_some_and(|init| has_effect(&init.expr))
            }
            _ => false,
        };
        if is_effect && !self.in_tests {
            let what = format!("`{}` left out", short(self.source(&range)));
            let mutant = self.mutant(range.start, what);
            self.others.push(Edit { range, form: Form::Skip(mutant) });
        }
        visit::visit_stmt(self, stmt);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let whole = binary.span().byte_range();
        let (left, right) = (binary.left.span().byte_range(), binary.right.span().byte_range());
        match binary.op {
            BinOp::And(_) | BinOp::Or(_) => {
                let is_and = matches!(binary.op, BinOp::And(_));
                for (side, range) in [(&*binary.left, left), (&*binary.right, right)] {
                    let same = matches!(side, Expr::Binary(inner)
                        if std::mem::discriminant(&inner.op) == std::mem::discriminant(&binary.op));
                    if !same && !matches!(side, Expr::Let(_)) {
                        self.choose(range, is_and.to_string());
                    }
                }
            }
            op => {
                for other in swaps::operators(&op) {
                    let to = format!("{} {other} {}", self.source(&left), self.source(&right));
                    self.choose(whole.clone(), to);
                }
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        if matches!(unary.op, syn::UnOp::Not(_)) {
            let to = self.source(&unary.expr.span().byte_range()).to_owned();
            self.choose(unary.span().byte_range(), to);
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_lit(&mut self, lit: &'ast syn::ExprLit) {
        let range = lit.span().byte_range();
        match &lit.lit {
            syn::Lit::Bool(value) => self.choose(range, (!value.value).to_string()),
            syn::Lit::Int(value) => {
                let Ok(number) = value.base10_parse::<u128>() else { return };
                self.choose(range.clone(), format!("{}{}", number + 1, value.suffix()));
                if number > 0 {
                    self.choose(range, format!("{}{}", number - 1, value.suffix()));
                }
            }
            _ => {}
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        // `u16::MAX` doubled is no number.
        let is_bound = |name: &syn::PathSegment| name.ident == "MAX" && path.path.segments.len() > 1;
        if let Some(name) = path.path.segments.last().filter(|name| !is_bound(name))
            && self.index.is_quantity(&name.ident.to_string())
        {
            let (range, name) = (path.span().byte_range(), name.ident.to_string());
            self.constant(range.clone(), &name, "* 2");
            self.constant(range, &name, "/ 2");
        }
    }

    fn visit_expr_range(&mut self, range: &'ast syn::ExprRange) {
        let ends = [(&range.start, "+"), (&range.end, "-")];
        for (end, sign) in ends.into_iter().filter_map(|(end, sign)| Some((end.as_deref()?, sign))) {
            if !matches!(end, Expr::Lit(_)) {
                let place = end.span().byte_range();
                let to = format!("({}) {sign} 1", self.source(&place));
                self.choose(place, to);
            }
        }
        visit::visit_expr_range(self, range);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.condition(&branch.cond);
        if lets(&branch.cond) {
            let range = branch.cond.span().byte_range();
            let what = format!("`if {}` never", short(self.source(&range)));
            self.insert(range.end, " && !@".to_owned(), what);
        }
        visit::visit_expr_if(self, branch);
    }

    fn visit_expr_while(&mut self, looping: &'ast syn::ExprWhile) {
        self.condition(&looping.cond);
        visit::visit_expr_while(self, looping);
    }

    fn visit_stmt_macro(&mut self, stmt: &'ast syn::StmtMacro) {
        self.arguments(&stmt.mac);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        let is_total = |arm: &syn::Arm| {
            let is_rest = match &arm.pat {
                Pat::Wild(_) => true,
                Pat::Ident(ident) => ident.subpat.is_none() && binds(&arm.pat),
                _ => false,
            };
            is_rest && arm.guard.is_none()
        };
        let rest = expr.arms.iter().position(is_total).unwrap_or(0);
        for (at, arm) in expr.arms.iter().enumerate() {
            let pattern = arm.pat.span().byte_range();
            if let Some((_, guard)) = &arm.guard {
                let range = guard.span().byte_range();
                self.choose(range.clone(), "true".to_owned());
                self.choose(range, "false".to_owned());
            } else if at < rest {
                let what = format!("`{} =>` never", short(self.source(&pattern)));
                self.insert(pattern.end, " if !@".to_owned(), what);
            }
            let other = expr.arms.get(at + 1).or_else(|| at.checked_sub(1).and_then(|at| expr.arms.get(at)));
            let Some(other) = other.filter(|other| !binds(&other.pat)) else { continue };
            let (body, to) = (arm.body.span().byte_range(), other.body.span().byte_range());
            let to = self.source(&to).to_owned();
            if to.len() < 200 && bare(&to) != bare(self.source(&body)) {
                self.choose_in(body, to, true);
            }
        }
        visit::visit_expr_match(self, expr);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(name) = path.path.segments.last()
        {
            let args = call.args.iter().map(|arg| arg.span().byte_range()).collect();
            self.swapped(&name.ident.to_string(), args, call.span().byte_range());
        }
        // The name itself is no value.
        for arg in &call.args {
            self.visit_expr(arg);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let (whole, method) = (call.span().byte_range(), call.method.span().byte_range());
        let name = call.method.to_string();
        for other in swaps::methods(&name, call.args.len()) {
            let to = format!(
                "{}{other}{}",
                &self.text[whole.start..method.start],
                &self.text[method.end..whole.end]
            );
            self.choose(whole.clone(), to);
        }
        let args = call.args.iter().map(|arg| arg.span().byte_range()).collect();
        self.swapped(&name, args, whole);
        if swaps::asks(&name) {
            for arg in &call.args {
                if let Expr::Closure(closure) = arg {
                    self.condition(&closure.body);
                }
            }
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        // What stands on the left is a place and no value.
        self.visit_expr(&assign.right);
    }

    fn visit_expr_macro(&mut self, expr: &'ast syn::ExprMacro) {
        let Some(asked) = Matches::of(&expr.mac) else { return self.arguments(&expr.mac) };
        let whole = expr.span().byte_range();
        if let Pat::Or(or) = &asked.pattern
            && !self.in_tests
        {
            for (at, case) in or.cases.iter().enumerate() {
                let left: Vec<&str> = (or.cases.iter().enumerate())
                    .filter(|(other, _)| *other != at)
                    .map(|(_, case)| self.source(&case.span().byte_range()))
                    .collect();
                let pattern = asked.pattern.span().byte_range();
                let to = [
                    &self.text[whole.start..pattern.start],
                    &left.join(" | "),
                    &self.text[pattern.end..whole.end],
                ];
                let to = to.concat();
                let what = format!("`matches!` without `{}`", short(self.source(&case.span().byte_range())));
                let mutant = self.mutant(whole.start, what);
                let key = (whole.start, std::cmp::Reverse(whole.end), false);
                self.choices.entry(key).or_insert((whole.end, Vec::new())).1.push((mutant, to));
            }
        }
        self.visit_expr(&asked.of);
        if let Some(guard) = &asked.guard {
            let range = guard.span().byte_range();
            self.choose(range.clone(), "true".to_owned());
            self.choose(range, "false".to_owned());
            self.visit_expr(guard);
        }
    }
}

/// The parts of `matches!`.
struct Matches {
    of: Expr,
    pattern: Pat,
    guard: Option<Expr>,
}

impl Matches {
    fn of(call: &syn::Macro) -> Option<Self> {
        if !call.path.is_ident("matches") {
            return None;
        }
        call.parse_body_with(|input: syn::parse::ParseStream<'_>| {
            let of = input.parse()?;
            input.parse::<syn::Token![,]>()?;
            let pattern = Pat::parse_multi_with_leading_vert(input)?;
            let guard = match input.parse::<Option<syn::Token![if]>>()? {
                Some(_) => Some(input.parse()?),
                None => None,
            };
            input.parse::<Option<syn::Token![,]>>()?;
            Ok(Self { of, pattern, guard })
        })
        .ok()
    }
}

/// Whether leaving the statement out could be noticed.
fn has_effect(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Assign(_) => true,
        Expr::Binary(binary) => swaps::is_assignment(&binary.op),
        Expr::Try(inner) => has_effect(&inner.expr),
        Expr::Await(inner) => has_effect(&inner.base),
        _ => false,
    }
}

/// Whether a condition has a `let` in it.
fn lets(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => lets(&binary.left) || lets(&binary.right),
        _ => false,
    }
}

/// Whether a pattern gives names to what it meets. A capital begins a constant or a variant.
fn binds(pat: &Pat) -> bool {
    struct Names(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, ident: &'ast syn::PatIdent) {
            self.0.insert(ident.ident.to_string());
        }
        fn visit_field_pat(&mut self, field: &'ast syn::FieldPat) {
            visit::visit_field_pat(self, field);
        }
    }
    let mut names = Names(BTreeSet::new());
    names.visit_pat(pat);
    names.0.iter().any(|name| name.starts_with(|c: char| !c.is_uppercase()))
}

/// Whether something is there for tests only.
pub fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("test")
            || (attr.path().is_ident("cfg")
                && attr.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test"))
    })
}

/// Without the braces around a single value.
fn bare(text: &str) -> String {
    squeeze(text.trim_start_matches('{').trim_end_matches('}'))
}

/// Without line breaks and double spaces.
pub fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Short enough for a line of a table.
fn short(text: &str) -> String {
    let text = squeeze(text);
    match text.char_indices().nth(70) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
