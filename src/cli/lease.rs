//! From arguments, variables and what Kubernetes gives a pod to a candidate for the lease.

use std::path::Path;

use crate::client::kube::{self, Cluster, LeaseClient};
use crate::client::leadership::Leadership;
use crate::client::lease::Elector;
use crate::host::bounded_file;
use crate::model::inert;

use super::Fatal;
use super::arguments::LeaseArgs;
use super::process::{fresh_seed, variable};

/// Where Linux keeps the host's name; in a pod, the pod's.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// More of a name tells nobody more.
const IDENTITY_MAX: usize = 200;

/// A candidate for the lease by this name, where one is asked for.
pub(super) fn candidate(args: &LeaseArgs, identity: &str) -> Result<Option<Leadership>, Fatal> {
    let Some(lease) = &args.lease else { return Ok(None) };
    let cluster = match &args.kube_api {
        Some(url) => Cluster::at(url, args.kube_token_file.clone(), args.kube_ca_file.clone())
            .map_err(|error| Fatal::new(format!("--kube-api: {error}")))?,
        None => {
            let variables = (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"));
            let (Some(host), Some(port)) = variables else {
                return Err(Fatal::new(
                    "--lease: this is not inside a Kubernetes cluster (KUBERNETES_SERVICE_HOST is not set): say where it is with --kube-api",
                ));
            };
            Cluster::around_us(&host, &port)
                .map_err(|error| Fatal::new(format!("KUBERNETES_SERVICE_HOST: {error}")))?
        }
    };
    let namespace = lease.namespace.clone().or_else(kube::own_namespace).ok_or_else(|| {
        Fatal::new(
            "--lease: say in which namespace: NAMESPACE/NAME (outside a cluster there is none of our own)",
        )
    })?;
    let timing = args.lease_duration;
    let client = LeaseClient::new(cluster, namespace, lease.name.clone(), timing.request_timeout())
        .map_err(|error| Fatal::new(format!("--lease: {error}")))?;
    Ok(Some(Leadership::start(client, Elector::new(identity.to_owned(), timing))))
}

/// A name for people, and something that no other process has: two of one identity would both lead.
pub(super) fn identity() -> String {
    let name = variable("NUMCTL_LEASE_IDENTITY")
        .or_else(|| bounded_file::text(Path::new(HOST_NAME), IDENTITY_MAX).ok())
        .unwrap_or_default();
    let name: String =
        name.trim().chars().filter(|c| !inert::must_be_spelt_out(*c)).take(IDENTITY_MAX).collect();
    let name = if name.is_empty() { "numctl" } else { name.as_str() };
    format!("{name}_{:016x}", fresh_seed())
}
