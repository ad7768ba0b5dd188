//! From the files' texts to one checked [`Desired`].

use super::finding::{Finding, Findings, Severity};
use super::issue::{At, Issue, Issues, ResolvedIssues};
use super::raw::RawFile;
use super::source::Source;
use super::{Desired, merge, read};
use crate::model::provider::Api;

/// What the files declare.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub desired: Desired,
    /// What is doubtful in the files.
    pub warnings: Vec<Finding>,
    /// What is good to know of them, and right as it is.
    pub notes: Vec<Finding>,
}

/// One file as it was read, by its place among the sources of [`Desired::parse_by`].
#[derive(Debug)]
pub struct ReadFile(usize, Result<RawFile, Box<Issue>>);

impl ReadFile {
    /// Reads the file at a place. Nothing but its own text matters, so that files may be read side by
    /// side.
    #[must_use]
    pub fn read(place: usize, source: &Source) -> Self {
        Self(place, read::read(place, source))
    }

    /// Whether a YAML file is of the plain shapes that are read the quick way.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_quick(source: &Source) -> bool {
        read::is_quick(source.body())
    }
}

impl Desired {
    /// Reads, merges and checks the files of one fleet.
    ///
    /// The result does not depend on the order of the sources, nor (but for [`super::Place`]) on the
    /// order of what is in them.
    ///
    /// # Errors
    /// Everything that is wrong, each thing with its place. A file that does not parse gives its
    /// first error only.
    #[cfg(feature = "testing")]
    pub fn parse(sources: &[Source]) -> Result<Parsed, Findings> {
        Self::parse_for(sources, Api::default())
    }

    /// [`Desired::parse`] where the accounts that name no API are reached through `operators_api`.
    ///
    /// # Errors
    /// The same, and settings that an account's API cannot set.
    #[cfg(feature = "testing")]
    pub fn parse_for(sources: &[Source], operators_api: Api) -> Result<Parsed, Findings> {
        Self::parse_by(sources, operators_api, |sources| {
            sources.iter().enumerate().map(|(place, source)| ReadFile::read(place, source)).collect()
        })
    }

    /// [`Desired::parse_for`] where the caller reads each of the sources that it is given, once, in
    /// whatever order.
    ///
    /// # Errors
    /// The same.
    pub fn parse_by(
        sources: &[Source],
        operators_api: Api,
        read_all: impl FnOnce(&[&Source]) -> Vec<ReadFile>,
    ) -> Result<Parsed, Findings> {
        let mut sources: Vec<&Source> = sources.iter().collect();
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        let mut issues = Issues::default();
        if sources.is_empty() {
            issues.push(Issue::error(At::Nowhere, "no file was given"));
        }
        let mut read = read_all(&sources);
        read.sort_by_key(|file| file.0);
        let mut files = Vec::with_capacity(read.len());
        for ReadFile(place, file) in read {
            match file {
                Ok(file) => files.push((place, file)),
                Err(issue) => issues.push(*issue),
            }
        }
        // With a file missing, every reference into it would be reported as an error of its own.
        let desired = if issues.any_errors() {
            None
        } else {
            merge::merge(&sources, &files, operators_api, &mut issues)
        };
        let ResolvedIssues { findings, more, secrets } = issues.resolve(&sources);
        match (desired, Findings::new(findings.clone(), more)) {
            (_, Some(errors)) => Err(errors),
            (Some(desired), None) => {
                let is_warning = |finding: &Finding| finding.severity == Severity::Warning;
                let (warnings, notes) = findings.into_iter().partition(is_warning);
                Ok(Parsed { desired: Desired { secrets, ..desired }, warnings, notes })
            }
            // `merge` gives nothing only with an error; should it ever, that is one.
            (None, None) => Err(Findings::unexplained()),
        }
    }
}
