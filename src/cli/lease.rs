//! From arguments, variables and what Kubernetes gives a pod to a candidate for the lease.

use crate::client::kube::events::EventClient;
use crate::client::kube::{self, Cluster, LeaseClient};
use crate::client::leadership::Leadership;
use crate::client::lease::{Elector, LeaseName};
use crate::model::inert;

use super::arguments::LeaseArgs;
use super::process::{fresh_seed, variable};
use super::{Fatal, author};

/// More of a name tells no one more.
const IDENTITY_MAX: usize = 200;

/// A candidate for the lease by this name, where one is asked for.
pub(super) fn candidate(args: &LeaseArgs, identity: &str) -> Result<Option<Leadership>, Fatal> {
    let Some(lease) = &args.lease else { return Ok(None) };
    let cluster = cluster("--lease", args)?;
    let namespace = namespace("--lease", lease)?;
    let timing = args.lease_duration;
    let client = LeaseClient::new(cluster, namespace, lease.name.clone(), timing.request_timeout())
        .map_err(|error| Fatal::new(format!("--lease: {error}")))?;
    Ok(Some(Leadership::start(client.to_string(), client, Elector::new(identity.to_owned(), timing))))
}

/// What writes Events about this Deployment, where one is named.
pub(super) fn events(
    deployment: Option<&LeaseName>,
    args: &LeaseArgs,
    identity: &str,
) -> Result<Option<EventClient>, Fatal> {
    let Some(deployment) = deployment else { return Ok(None) };
    let cluster = cluster("--kube-events", args)?;
    let namespace = namespace("--kube-events", deployment)?;
    EventClient::new(cluster, namespace, deployment.name.clone(), identity.to_owned())
        .map(Some)
        .map_err(|error| Fatal::new(format!("--kube-events: {error}")))
}

/// The Kubernetes API server that `option` needs.
fn cluster(option: &str, args: &LeaseArgs) -> Result<Cluster, Fatal> {
    match &args.kube_api {
        Some(url) => Cluster::at(url, args.kube_token_file.clone(), args.kube_ca_file.clone())
            .map_err(|error| Fatal::new(format!("--kube-api: {error}"))),
        None => {
            let variables = (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"));
            let (Some(host), Some(port)) = variables else {
                return Err(Fatal::new(format!(
                    "{option}: numctl is not running inside a Kubernetes cluster (KUBERNETES_SERVICE_HOST is not set): name the API server with --kube-api",
                )));
            };
            Cluster::around_us(&host, &port)
                .map_err(|error| Fatal::new(format!("KUBERNETES_SERVICE_HOST: {error}")))
        }
    }
}

fn namespace(option: &str, name: &LeaseName) -> Result<String, Fatal> {
    name.namespace.clone().or_else(kube::own_namespace).ok_or_else(|| {
        Fatal::new(format!(
            "{option}: add the namespace: NAMESPACE/NAME (outside a cluster there is no default)",
        ))
    })
}

/// A name for people, and something that no other process has: two of one identity would both lead.
pub(super) fn identity() -> String {
    let name = variable("NUMCTL_LEASE_IDENTITY").or_else(author::host).unwrap_or_default();
    let name: String =
        name.trim().chars().filter(|c| !inert::must_be_spelt_out(*c)).take(IDENTITY_MAX).collect();
    let name = if name.is_empty() { "numctl" } else { name.as_str() };
    format!("{name}_{:016x}", fresh_seed())
}
