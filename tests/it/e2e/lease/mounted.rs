//! The token and the CA certificates of the API server, renewed where they are mounted.

use super::super::daemon::Daemon;
use super::super::harness::Sandbox;
use super::super::mounted::{MOUNT, mount, pem};
use super::super::real_clients::proxy::Proxy;
use super::{NUMBER, SHORT, fake};

#[test]
fn a_renewed_ca_and_token_of_the_api_server_are_used() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let (address, _hand) = fake::serve();
    let server = format!("http://{address}");
    let (own, other) = (Proxy::start(&server), Proxy::start(&server));
    bench.write(
        "fleet.yaml",
        &format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\", friendly_name: Led}}]\n"),
    );
    mount(&bench, &[("token", fake::TOKEN), ("ca.crt", &pem(&other))]);
    let (token, ca, url) = (format!("{MOUNT}/token"), format!("{MOUNT}/ca.crt"), own.front());
    let lease = ["--lease", "default/fleet", "--lease-duration", SHORT, "--kube-api", &url];
    let files = ["--kube-token-file", &token, "--kube-ca-file", &ca];
    let args = ["-f", "fleet.yaml", "--interval", "200ms", "--journal", "none"];
    let daemon = Daemon::start(&bench, &[&args[..], &lease, &files].concat());
    daemon.says("the lease cannot be read", 1);
    // The right CA, and a token of before.
    mount(&bench, &[("token", "an-old-token"), ("ca.crt", &pem(&own))]);
    daemon.says("401", 1);
    assert_eq!(sandbox.writes(), 0);
    mount(&bench, &[("token", fake::TOKEN), ("ca.crt", &pem(&own))]);
    sandbox.wait_for("configure", 1);
    daemon.stop();
}
