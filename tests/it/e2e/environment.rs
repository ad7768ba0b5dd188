//! What the environment says: variables that are empty or do not fit, proxies, CA certificates.

use clap::CommandFactory as _;
use numctl::cli::Arguments;

use super::fake::Fake;
use super::harness::{Bench, MAIN, Sandbox, TOKEN};
use super::real_clients::proxy::Proxy;

const FLEET: &str = "version: 1\nnumbers: [{phone_number: \"+15552230000\"}]\n";

/// A template or a CI system sets to nothing what nobody gave.
#[test]
fn an_empty_variable_is_not_set() {
    let command = Arguments::command();
    let all = std::iter::once(&command).chain(command.get_subcommands());
    let mut names: Vec<_> = all
        .flat_map(clap::Command::get_arguments)
        .filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned))
        .chain(["NUMCTL_LOG", "NUMCTL_LEASE_IDENTITY", "TWILIO_REGION", "TWILIO_EDGE"].map(str::to_owned))
        .chain(["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "all_proxy"].map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 20, "{names:?}");
    let (sandbox, _) = Sandbox::start(&[]);
    for name in &names {
        let bench =
            Bench::alone().with("TWILIO_ACCOUNT_SID", MAIN).with("TWILIO_AUTH_TOKEN", TOKEN).with(name, "");
        bench.write("fleet.yaml", FLEET);
        for command in [
            &["plan", "-f", "fleet.yaml"][..],
            &["apply", "--yes", "-f", "fleet.yaml"],
            &["run", "--once", "-f", "fleet.yaml"],
            &["get"],
            &["history"],
            &["validate", "-f", "fleet.yaml"],
        ] {
            let ran = bench.run(&[command, &["--base-url", &sandbox.base_url]].concat());
            assert_eq!(ran.code, Some(0), "{name}: {command:?}: {}", ran.all());
        }
    }
    // All at once, as `env_file` has them.
    let mut bench = Bench::alone();
    for name in &names {
        bench = bench.with(name, "");
    }
    let bench = bench.with("TWILIO_ACCOUNT_SID", MAIN).with("TWILIO_AUTH_TOKEN", TOKEN);
    bench.write("fleet.yaml", FLEET);
    bench.run(&["plan", "-f", "fleet.yaml", "--base-url", &sandbox.base_url]).exits(0);
    // What is typed is meant.
    bench.run(&["plan", "-f", "fleet.yaml", "--max-releases", ""]).exits(1).says("--max-releases");
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    for (name, value) in [
        ("NUMCTL_API", "v2010"),
        ("NUMCTL_MAX_RELEASES", " "),
        ("NUMCTL_MAX_MONTHLY_TOTAL", "25"),
        ("NUMCTL_LEASE_DURATION", "1ms"),
        ("NUMCTL_LISTEN", "nowhere"),
        ("NUMCTL_LISTEN_HOST", "a.example,b/c"),
        ("NUMCTL_LOG", "warning"),
    ] {
        let bench = Bench::alone().with(name, value);
        bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(1).says(name);
        bench.run(&["run", "--once", "--log-format", "json", "-f", "fleet.yaml"]).exits(1).says(name);
    }
    // An option goes before its variable, and is named then.
    let bench = Bench::alone().with("NUMCTL_MAX_RELEASES", "many");
    bench
        .run(&["run", "-f", "x", "--max-releases", "few"])
        .exits(1)
        .says("--max-releases")
        .never_says("NUMCTL_MAX_RELEASES");
}

/// Credentials never go another way than the one that was meant.
#[test]
fn a_proxy_with_a_typing_error_is_no_direct_connection() {
    let (sandbox, _) = Sandbox::start(&[]);
    let proxy = Proxy::start(&sandbox.base_url);
    let bench = || {
        Bench::at(&sandbox.base_url)
            .with("HTTPS_PROXY", "")
            .with("NUMCTL_CA_FILE", &proxy.ca_file().display().to_string())
    };
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"] {
        for value in
            ["htp://user:hunter2@proxy:3128", "http:/proxy:3128", "http://proxy:31x8", "socks5://proxy", " "]
        {
            let bench = bench().with(name, value);
            bench.write("fleet.yaml", FLEET);
            let commands = [
                &["get"][..],
                &["plan", "-f", "fleet.yaml"],
                &["run", "--once", "-f", "fleet.yaml"],
                &["doctor"],
            ];
            for command in commands {
                bench.run(command).exits(1).says(name).never_says("hunter2");
            }
            // Nothing of these leaves the machine.
            bench.run(&["get", "--sandbox"]).exits(0);
            bench.run(&["validate", "-f", "fleet.yaml"]).exits(0);
        }
    }
    assert_eq!(sandbox.count("list"), 0);
    // An empty variable hides no other, and a CGI variable no proxy.
    for name in ["https_proxy", "ALL_PROXY", "all_proxy"] {
        let bench = bench().with("NUMCTL_BASE_URL", "").with(name, &proxy.url).with("REQUEST_METHOD", "GET");
        bench.run(&["get"]).exits(0).says("+15552230000");
    }
    assert_eq!(
        (proxy.hosts().as_slice(), sandbox.count("list")),
        (&["preview.twilio.com".to_owned()][..], 3)
    );
}

#[test]
fn without_ca_certificates_only_tls_does_not_work() {
    let (sandbox, _) = Sandbox::start(&[]);
    let bare =
        |bench: Bench| bench.with("SSL_CERT_FILE", "/nonexistent").with("SSL_CERT_DIR", "/nonexistent");
    let bench = bare(Bench::at(&sandbox.base_url));
    bench.write("fleet.yaml", FLEET);
    for command in [&["get"][..], &["plan", "-f", "fleet.yaml"], &["run", "--once", "-f", "fleet.yaml"]] {
        bench.run(command).exits(0);
        bench.run(&[command, &["--sandbox"]].concat()).exits(0);
    }
    // A notification over plain http, and a Lease beside it, need none either.
    let fake = Fake::serve(|_| (403, "{}".to_owned()));
    let lease = ["--lease", "default/fleet", "--kube-api", &fake.base_url];
    bench.run(&[&["apply", "--yes", "-f", "fleet.yaml"][..], &lease].concat()).exits(1).says("403");
    let told = ["run", "--once", "-f", "fleet.yaml", "--notify", "http://127.0.0.1:9/"];
    bench.run(&told).exits(0);
    // Where TLS is used, what is missing is said at once.
    let vendor = bare(Bench::alone().with("TWILIO_ACCOUNT_SID", MAIN).with("TWILIO_AUTH_TOKEN", TOKEN));
    vendor.run(&["get"]).exits(1).says("are CA certificates installed?");
    let proxy = Proxy::start(&sandbox.base_url);
    let trusting =
        vendor.with("HTTPS_PROXY", &proxy.url).with("NUMCTL_CA_FILE", &proxy.ca_file().display().to_string());
    trusting.run(&["get"]).exits(0).says("+15552230000");
}

/// As Rancher and others have it: many clusters behind one host.
#[test]
fn a_kubernetes_api_may_be_below_a_path() {
    let fake = Fake::serve(|_| (403, "{}".to_owned()));
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    for end in ["", "/"] {
        let url = format!("{}/k8s/clusters/c-1{end}", fake.base_url);
        let args = ["apply", "--yes", "-f", "fleet.yaml", "--lease", "default/fleet", "--kube-api", &url];
        bench.run(&args).exits(1);
    }
    let log = fake.log();
    let path = "/k8s/clusters/c-1/apis/coordination.k8s.io/v1/namespaces/default/leases/fleet";
    assert!(!log.is_empty() && log.iter().all(|line| line.contains(&format!(" {path}"))), "{log:?}");
}
