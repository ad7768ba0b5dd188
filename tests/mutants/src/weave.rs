//! Writes a source with its mutants in it, each behind its switch.

use std::ops::Range;

use crate::find::{Edit, Form};

/// A source with switches.
#[derive(Debug, Default)]
pub struct Woven {
    pub text: String,
    pub places: Vec<Place>,
}

/// Where a mutant is in the woven text.
#[derive(Debug)]
pub struct Place {
    pub id: usize,
    /// What is there only because of it.
    pub own: Range<usize>,
    /// The whole of the switch.
    pub site: Range<usize>,
}

/// Weaves in the mutants that `on` wants.
pub fn weave(text: &str, edits: &[Edit<usize>], on: &dyn Fn(usize) -> bool) -> Woven {
    let mut weaver = Weaver { text, on, woven: Woven::default() };
    weaver.write(0..text.len(), edits);
    weaver.woven
}

struct Weaver<'a> {
    text: &'a str,
    on: &'a dyn Fn(usize) -> bool,
    woven: Woven,
}

impl Weaver<'_> {
    fn at(&self) -> usize {
        self.woven.text.len()
    }

    fn push(&mut self, text: &str) {
        self.woven.text.push_str(text);
    }

    /// The source of a range with the edits that lie in it.
    fn write(&mut self, range: Range<usize>, edits: &[Edit<usize>]) {
        let mut at = range.start;
        let mut rest = edits;
        while let Some((edit, after)) = rest.split_first() {
            let inside = after.iter().take_while(|other| {
                other.range.end <= edit.range.end && (other.range.start < edit.range.end)
            });
            let (inside, after) = after.split_at(inside.count());
            self.push(&self.text[at..edit.range.start]);
            self.edit(edit, inside);
            at = edit.range.end;
            rest = after;
        }
        self.push(&self.text[at..range.end]);
    }

    fn edit(&mut self, edit: &Edit<usize>, inside: &[Edit<usize>]) {
        let start = self.at();
        let first = self.woven.places.len();
        match &edit.form {
            Form::Choice { is_arm, variants } => {
                let variants: Vec<_> = variants.iter().filter(|(id, _)| (self.on)(*id)).collect();
                if variants.is_empty() {
                    return self.write(edit.range.clone(), inside);
                }
                self.push(if *is_arm { "{ " } else { "(" });
                for (id, text) in variants {
                    self.push(&format!("if crate::mutant({id}) {{ "));
                    let own = self.at();
                    self.push(text);
                    self.woven.places.push(Place { id: *id, own: own..self.at(), site: start..start });
                    self.push(" } else ");
                }
                let own = self.woven.places.len();
                self.push("{ ");
                self.write(edit.range.clone(), inside);
                self.push(if *is_arm { " } }" } else { " })" });
                self.close(first..own, start);
            }
            Form::Skip(id) => {
                let is_on = (self.on)(*id);
                if is_on {
                    self.push(&format!("if !crate::mutant({id}) {{ "));
                    self.woven.places.push(Place { id: *id, own: start..self.at(), site: start..start });
                }
                let own = self.woven.places.len();
                self.write(edit.range.clone(), inside);
                if is_on {
                    self.push(" }");
                    self.close(first..own, start);
                }
            }
            Form::Insert(id, text) => {
                if (self.on)(*id) {
                    self.push(&text.replace('@', &format!("crate::mutant({id})")));
                    let own = start..self.at();
                    self.woven.places.push(Place { id: *id, site: own.clone(), own });
                }
            }
        }
    }

    fn close(&mut self, places: Range<usize>, start: usize) {
        let end = self.at();
        for place in &mut self.woven.places[places] {
            place.site = start..end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::{Mutant, edits};
    use crate::index::Index;

    const SOURCE: &str = r#"
const LASTS: u64 = 5;

fn is_young(at: u64, now: u64) -> bool {
    now >= at && !(now - at > LASTS)
}

fn sum(all: &mut Vec<u64>, more: Option<u64>) -> u64 {
    if let Some(more) = more {
        all.push(more);
    }
    match all.len() {
        0 => 0,
        1 if all[0] > 3 => { all[0] }
        _ => all.iter().filter(|one| is_young(**one, 9)).sum(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lasts() {
        let last = LASTS;
        assert!(is_young(0, last) && 66 < 77);
    }
}
"#;

    fn woven(on: &dyn Fn(usize) -> bool) -> (Vec<Mutant>, Woven) {
        let mut index = Index::default();
        index.read(SOURCE).expect("a source");
        let mut mutants = Vec::new();
        let mut number = |mutant: Mutant| {
            mutants.push(mutant);
            mutants.len() - 1
        };
        let found = edits("src/a.rs", SOURCE, &index).expect("a source");
        let found: Vec<_> = found.into_iter().map(|edit| edit.map(&mut number)).collect();
        (mutants, weave(SOURCE, &found, on))
    }

    #[test]
    fn without_mutants_a_source_is_as_it_was() {
        assert_eq!(woven(&|_| false).1.text, SOURCE);
    }

    #[test]
    fn with_all_of_them_it_is_a_source_and_each_is_where_it_says() {
        let (mutants, woven) = woven(&|_| true);
        syn::parse_file(&woven.text).unwrap_or_else(|error| panic!("{error}\n{}", woven.text));
        for place in &woven.places {
            assert!(place.site.start <= place.own.start && place.own.end <= place.site.end);
            let site = &woven.text[place.site.clone()];
            assert!(site.contains(&format!("crate::mutant({})", place.id)), "{site}");
        }
        let names: Vec<String> = mutants.iter().map(Mutant::key).collect();
        for name in [
            "is_young: returns true",
            "is_young: `now >= at` -> `now > at`",
            "is_young: `now >= at` -> `true`",
            "is_young: `now - at` -> `now + at`",
            "const: `LASTS` -> `LASTS * 2`",
            "sum: `if let Some(more) = more` never",
            "sum: `all.push(more);` left out",
            "sum: `0 =>` never",
            "sum: `all[0] > 3` -> `false`",
        ] {
            assert!(names.iter().any(|known| known == name), "{name} is not in {names:#?}");
        }
        // Of a test only what it says of the file's constants changes.
        assert!(!names.iter().any(|name| name.contains("77")), "{names:#?}");
        assert_eq!(names.iter().filter(|name| *name == "const: `LASTS` -> `LASTS * 2`").count(), 2);
    }
}
