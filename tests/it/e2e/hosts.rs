//! Other hosts of the same API: regions and edges, proxies from the environment, a private CA.

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, SUB, Sandbox, TOKEN};
use super::real_clients::proxy::Proxy;

/// A bench that knows Twilio's own names only, and reaches them through the proxy.
fn behind(proxy: &Proxy) -> Bench {
    Bench::alone()
        .with("HTTPS_PROXY", &proxy.url)
        .with("TWILIO_ACCOUNT_SID", MAIN)
        .with("TWILIO_AUTH_TOKEN", TOKEN)
        .with("NUMCTL_API", "incoming-phone-numbers")
}

fn trusting(proxy: &Proxy) -> Bench {
    behind(proxy).with("NUMCTL_CA_FILE", &proxy.ca_file().display().to_string())
}

#[test]
fn regions_and_edges_are_host_names() {
    for (region, edge, api, host) in [
        ("", "", "incoming-phone-numbers", "api.twilio.com"),
        ("", "", "active-numbers", "preview.twilio.com"),
        ("ie1", "", "incoming-phone-numbers", "api.dublin.ie1.twilio.com"),
        ("au1", "", "incoming-phone-numbers", "api.sydney.au1.twilio.com"),
        ("ie1", "frankfurt", "incoming-phone-numbers", "api.frankfurt.ie1.twilio.com"),
        ("", "dublin", "incoming-phone-numbers", "api.dublin.us1.twilio.com"),
        ("au1", "sydney", "active-numbers", "preview.twilio.com"),
    ] {
        let (sandbox, _) = Sandbox::start(&[]);
        let proxy = Proxy::start(&sandbox.base_url);
        let bench = trusting(&proxy).with("TWILIO_REGION", region).with("TWILIO_EDGE", edge);
        bench.run(&["get", "--api", api]).exits(0).says("+15552230000");
        assert_eq!(proxy.hosts(), [host]);
        assert_eq!(sandbox.count("list"), 1);
    }
}

/// The file's region goes before the operator's, account by account.
#[test]
fn a_region_is_part_of_an_account() {
    let (sandbox, _) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    let bench = trusting(&proxy).with("TWILIO_REGION", "au1");
    let file = format!(
        "version: 1\naccounts:\n  main: {{sid: {MAIN}, region: ie1}}\n  emea: {{sid: {SUB}, parent: main}}\n\
         numbers: [{{phone_number: \"+15552230000\", account: emea, friendly_name: Moved}}]\n"
    );
    bench.apply(&file).exits(0);
    let mut hosts = proxy.hosts();
    hosts.sort();
    // The move is the parent's, in its region; the name is set in the subaccount's.
    assert_eq!(hosts, ["api.dublin.ie1.twilio.com", "api.sydney.au1.twilio.com"]);
    assert_eq!(sandbox.number("+15552230000").expect("it is there")["account_sid"], SUB);
    bench.write("fleet.yaml", &file.replace("ie1", "evil.example/"));
    bench.run(&["validate", "-f", "fleet.yaml"]).exits(1).says("is not a region");
    // Each account may name its edge, and one that numctl does not know needs it.
    let (before, edge) = (proxy.hosts().len(), file.replace("region: ie1", "region: ie1, edge: frankfurt"));
    bench.plan(&edge).exits(0);
    assert!(
        proxy.hosts()[before..].contains(&"api.frankfurt.ie1.twilio.com".to_owned()),
        "{:?}",
        proxy.hosts()
    );
    bench.write("fleet.yaml", &file.replace("ie1", "xx9"));
    bench.run(&["validate", "-f", "fleet.yaml"]).exits(0).says("does not know the edge of region xx9");
    bench
        .run(&["plan", "-f", "fleet.yaml"])
        .exits(1)
        .says("account main: numctl does not know the edge of region xx9");
    let over_preview = file.replace("region: ie1", "region: ie1, api: active-numbers");
    bench.write("fleet.yaml", &over_preview);
    bench.run(&["validate", "-f", "fleet.yaml"]).exits(0).says("`region` has no effect over ActiveNumbers");
}

/// Each service has a host of its own.
#[test]
fn prices_and_regulations_come_from_their_own_hosts() {
    let (sandbox, _) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    trusting(&proxy).run(&["search", "--country", "US", "--type", "local"]).exits(0).says("1.15");
    let file = "version: 1\nnumbers: [{phone_number: \"+493023125000\"}]\n";
    trusting(&proxy).plan(file).exits(1);
    for host in ["api.twilio.com", "pricing.twilio.com", "numbers.twilio.com"] {
        assert!(proxy.hosts().iter().any(|known| known == host), "{host} in {:?}", proxy.hosts());
    }
    // No region has hosts of its own for prices.
    let search = ["search", "--country", "US", "--type", "local"];
    trusting(&proxy).with("TWILIO_REGION", "ie1").run(&search).exits(0).says("1.15");
    assert!(proxy.hosts().contains(&"api.dublin.ie1.twilio.com".to_owned()), "{:?}", proxy.hosts());
    assert!(!proxy.hosts().iter().any(|host| host.starts_with("pricing.dublin")), "{:?}", proxy.hosts());
}

#[test]
fn a_private_ca_is_trusted_only_where_the_operator_says_so() {
    let (sandbox, _) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    behind(&proxy).run(&["get"]).exits(1).says("certificate").never_says(TOKEN);
    assert_eq!(sandbox.requests()["total"], 0);
    let bench = behind(&proxy);
    bench.write("empty.pem", "");
    bench.run(&["get", "--ca-file", "empty.pem"]).exits(1).says("--ca-file empty.pem");
    bench.run(&["get", "--ca-file", "absent.pem"]).exits(1).says("absent.pem");
    let pem = proxy.ca_file().display().to_string();
    bench.run(&["get", "--ca-file", &pem]).exits(0);
    // What the machine trusts is the machine's word too.
    behind(&proxy).with("SSL_CERT_FILE", &pem).run(&["get"]).exits(0);
}

#[test]
fn loopback_goes_to_no_proxy() {
    let (sandbox, _) = Sandbox::start(&[]);
    // The token would go there in the clear.
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        Bench::at(&sandbox.base_url).with(proxy, "http://127.0.0.1:9").run(&["get"]).exits(0);
    }
}

#[test]
fn no_proxy_is_heeded() {
    let (sandbox, _) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    let bench = || behind(&proxy).with("NUMCTL_BASE_URL", "https://numctl.invalid");
    for (name, hosts) in
        [("NO_PROXY", "numctl.invalid"), ("no_proxy", "a.example, .invalid"), ("NO_PROXY", "*")]
    {
        bench().with(name, hosts).run(&["get"]).exits(1).says("could not be listed");
        assert_eq!(proxy.refused(), [""; 0], "{name}={hosts}");
    }
    bench().with("NO_PROXY", "").run(&["get"]).exits(1).says("could not be listed");
    assert_eq!(proxy.refused(), ["numctl.invalid"]);
}

/// A mounted CA is renewed while the daemon runs: from the next cycle on it counts, and one that is cut off
/// on its way leaves the one of before.
#[test]
fn a_renewed_ca_is_followed_by_the_daemon() {
    let (sandbox, _) = Sandbox::start(&[]);
    let (proxy, other) = (Proxy::start(&sandbox.base_url), Proxy::start(&sandbox.base_url));
    let pem = |proxy: &Proxy| std::fs::read_to_string(proxy.ca_file()).expect("PEM");
    let bench = behind(&proxy).with("NUMCTL_CA_FILE", "ca.pem");
    bench.write("ca.pem", &pem(&other));
    bench.write("fleet.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n");
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms", "--journal", "none"]);
    daemon.says("could not be listed", 1);
    assert_eq!(sandbox.requests()["total"], 0);
    bench.write("ca.pem", &pem(&proxy));
    daemon.is_quiet(1);
    bench.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    daemon.says("--ca-file ca.pem", 1);
    daemon.is_quiet(1);
    daemon.stop();
}
