//! What the sources as a whole tell of a name: types of arguments, constants that are quantities.

use std::collections::BTreeMap;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::find::{is_test, squeeze};

/// Names over all files; two things of one name have to agree.
#[derive(Debug, Default)]
pub struct Index {
    /// The types of the arguments of each function of the name.
    functions: BTreeMap<String, Vec<Vec<String>>>,
    /// The types of the constants of the name.
    constants: BTreeMap<String, Vec<String>>,
}

const QUANTITIES: &[&str] =
    &["u8", "u16", "u32", "u64", "u128", "usize", "i32", "i64", "i128", "Duration", "SignedDuration"];

impl Index {
    pub fn read(&mut self, text: &str) -> Result<(), syn::Error> {
        let file = syn::parse_file(text)?;
        Reader { text, index: self }.visit_file(&file);
        Ok(())
    }

    /// The arguments that have the type of the next one.
    pub fn same_types(&self, name: &str, count: usize) -> Vec<usize> {
        let Some(known) = self.functions.get(name) else { return Vec::new() };
        let of_count: Vec<_> = known.iter().filter(|types| types.len() == count).collect();
        let is_same = |at: &usize| of_count.iter().all(|types| types[*at] == types[*at + 1]);
        if of_count.is_empty() { Vec::new() } else { (0..count.saturating_sub(1)).filter(is_same).collect() }
    }

    /// Whether a constant of the name can be doubled.
    pub fn is_quantity(&self, name: &str) -> bool {
        let known = self.constants.get(name);
        known.is_some_and(|types| types.iter().all(|kind| QUANTITIES.contains(&kind.as_str())))
    }
}

struct Reader<'a> {
    text: &'a str,
    index: &'a mut Index,
}

impl Reader<'_> {
    fn constant(&mut self, name: &syn::Ident, kind: &syn::Type) {
        let kind = squeeze(&self.text[kind.span().byte_range()]);
        self.index.constants.entry(name.to_string()).or_default().push(kind);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // What tests name is theirs.
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let types = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Receiver(_) => None,
            syn::FnArg::Typed(typed) => Some(squeeze(&self.text[typed.ty.span().byte_range()])),
        });
        let types = types.collect();
        self.index.functions.entry(signature.ident.to_string()).or_default().push(types);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(&item.ident, &item.ty);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident, &item.ty);
        visit::visit_impl_item_const(self, item);
    }
}
