//! What decides where calls and messages end beside the numbers themselves. It is asked for only where the
//! plan can depend on it: what cannot be read is "not known", and stops nothing.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tracing::info;

use crate::client::Client;
use crate::client::api::error::{ApiError, ErrorKind};
use crate::client::api::routing;
use crate::client::transport::Transport;
use crate::model::number::{ApplicationSid, ServiceSid, TrunkSid};
use crate::model::routing::{Application, Known, Member, MessagingService, Surroundings, Trunk};
use crate::observed::wanted::WantedDetails;

/// How many Messaging Services are asked for their numbers at once.
const SERVICES_AT_ONCE: usize = 4;

/// Looks at what is wanted of each account, side by side.
pub async fn look_around<T: Transport>(
    clients: &[Client<T>],
    wanted: &[WantedDetails],
) -> Vec<(Surroundings, Vec<Member>)> {
    let all = clients.iter().zip(wanted).map(async |(client, wanted)| {
        let services =
            async { if wanted.services { services(client).await } else { (Known::NotAsked, Vec::new()) } };
        let applications =
            async { if wanted.applications { applications(client).await } else { Known::NotAsked } };
        let trunks = async { if wanted.trunks { trunks(client).await } else { Known::NotAsked } };
        let ((services, members), applications, trunks) =
            futures_util::future::join3(services, applications, trunks).await;
        (Surroundings { services, applications, trunks }, members)
    });
    join_all(all).await
}

/// The account's Messaging Services, and the numbers in them.
async fn services<T: Transport>(
    client: &Client<T>,
) -> (Known<BTreeMap<ServiceSid, MessagingService>>, Vec<Member>) {
    if client.lender().is_some() {
        return (of_another(client, "Messaging Services"), Vec::new());
    }
    let listed = client.list_aside(client.routes.services(), routing::read_services).await;
    let mut services: BTreeMap<ServiceSid, MessagingService> = match listed {
        Ok(services) => services.into_iter().collect(),
        Err(error) => return (refused(client, "Messaging Services", &error), Vec::new()),
    };
    let sids: Vec<ServiceSid> = services.keys().copied().collect();
    let mut asked = stream::iter(sids)
        .map(async |service| {
            (service, client.list_aside(client.routes.members(service), routing::read_members).await)
        })
        .buffered(SERVICES_AT_ONCE);
    let mut all = Vec::new();
    while let Some((sid, members)) = asked.next().await {
        match members {
            Ok(members) => {
                if let Some(service) = services.get_mut(&sid) {
                    service.members = members.len();
                }
                all.extend(members.into_iter().map(|(number, text)| (number, text, sid)));
            }
            // A part of it is not the whole: a number that is in none of the others may be in this one.
            Err(error) => return (refused(client, "Messaging Services", &error), Vec::new()),
        }
    }
    (Known::Is(services), all)
}

/// Lists the account's applications; not known where the key may not.
pub async fn applications<T: Transport>(client: &Client<T>) -> Known<BTreeMap<ApplicationSid, Application>> {
    match client.list_aside(client.routes.applications(), routing::read_applications).await {
        Ok(all) => Known::Is(all.into_iter().collect()),
        Err(error) => refused(client, "applications", &error),
    }
}

async fn trunks<T: Transport>(client: &Client<T>) -> Known<BTreeMap<TrunkSid, Trunk>> {
    if client.lender().is_some() {
        return of_another(client, "trunks");
    }
    match client.list_aside(client.routes.trunks(), routing::read_trunks).await {
        Ok(all) => Known::Is(all.into_iter().collect()),
        Err(error) => refused(client, "trunks", &error),
    }
}

fn refused<T: Transport, V>(client: &Client<T>, what: &str, error: &ApiError) -> Known<V> {
    not_known(
        client,
        match error.kind {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                format!("these credentials are not allowed to read the account's {what}")
            }
            _ => format!("the account's {what} could not be read: {error}"),
        },
    )
}

fn of_another<T: Transport, V>(client: &Client<T>, what: &str) -> Known<V> {
    not_known(
        client,
        format!(
            "the account's {what} cannot be read with its parent's credentials: give it credentials of its own"
        ),
    )
}

fn not_known<T: Transport, V>(client: &Client<T>, why: String) -> Known<V> {
    info!(account = client.name(), ?why, "not known");
    Known::Refused(why.into())
}
