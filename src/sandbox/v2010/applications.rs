//! `Applications`: URLs with a name of their own, which numbers refer to.

use std::sync::Arc;

use super::super::answer::{HttpRequest, SandboxError};
use super::super::json::Object;
use super::super::resources::{Resource, ResourceKind};
use super::super::service::{Done, Sandbox};
use super::super::writes::last;
use super::paging::{PageAsk, PageShown, filters};
use super::rows::DATE;

const KIND: ResourceKind = ResourceKind::Application;

impl Sandbox {
    pub(super) fn list_applications(&self, request: &HttpRequest, account: &Arc<str>) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let ask = PageAsk::new(&query, dialect, |hex| Some(format!("AP{hex}")))?;
        let asked = filters(&query, &["FriendlyName"]);
        let all: Vec<(String, String)> = self
            .world
            .resources
            .of_kind(account, KIND)
            .filter(|(_, found)| {
                last(&asked, "FriendlyName").is_none_or(|name| found.get("friendly_name") == name)
            })
            .map(|(sid, found)| (sid.to_owned(), row(sid, found)))
            .collect();
        let from = |sid: &String| all.partition_point(|(known, _)| known <= sid);
        let sids = || all.iter().map(|(sid, _)| sid.clone());
        let (sids, more) = ask.slice(
            |after| sids().skip(after.map_or(0, from)),
            |before| {
                sids()
                    .take(all.partition_point(|(sid, _)| sid < before))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
            },
        );
        let rows: Vec<String> =
            all.iter().filter(|(sid, _)| sids.contains(sid)).map(|(_, row)| row.clone()).collect();
        let hex = |sid: &String| sid.trim_start_matches("AP").to_owned();
        let ends = sids.first().zip(sids.last()).map(|(first, last)| (hex(first), hex(last)));
        let shown =
            PageShown { key: "applications", path: &request.path, filters: &asked, rows: &rows, ends, more };
        Ok((200, shown.body(&ask, dialect)))
    }

    pub(super) fn create_application(&mut self, request: &HttpRequest, account: &Arc<str>) -> Done {
        let made = Resource::new(KIND, account, &request.post_pairs())?;
        let sid = self.world.put_resource(made);
        self.one_application(request, account, &sid, 201)
    }

    pub(super) fn application(&mut self, request: &HttpRequest, account: &Arc<str>, sid: &str) -> Done {
        match request.method.as_str() {
            "GET" => {}
            "DELETE" => {
                self.one_application(request, account, sid, 200)?;
                self.world.resources.remove(sid);
                return Ok((204, String::new()));
            }
            _ => {
                let now = self.world.resources.find(account, KIND, sid);
                let changed =
                    now.ok_or_else(|| SandboxError::not_found(&request.path))?.with(&request.post_pairs())?;
                self.world.resources.put(sid, changed);
            }
        }
        self.one_application(request, account, sid, 200)
    }

    fn one_application(&self, request: &HttpRequest, account: &str, sid: &str, status: u16) -> Done {
        let found = self.world.resources.find(account, KIND, sid);
        Ok((status, row(sid, found.ok_or_else(|| SandboxError::not_found(&request.path))?)))
    }
}

fn row(sid: &str, application: &Resource) -> String {
    let account = &application.account_sid;
    let row = Object::new()
        .text("sid", sid)
        .text("account_sid", account)
        .text("api_version", "2010-04-01")
        .text("date_created", DATE)
        .text("date_updated", DATE)
        .raw("public_application_connect_enabled", "false")
        .text("uri", &format!("/2010-04-01/Accounts/{account}/Applications/{sid}.json"));
    application.shown(row).end()
}
