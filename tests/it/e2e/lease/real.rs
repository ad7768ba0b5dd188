//! The same against a real kube-apiserver on a real etcd, where `KUBEBUILDER_ASSETS` says where they
//! are, as envtest has it (`tests/kube/install.sh` puts them there). The role that the candidates get
//! is the smallest that works.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Kube;

const ADMIN: &str = "admin-token";
const CANDIDATE: &str = "candidate-token";
/// Both start within seconds, on a busy machine within a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// An etcd and a kube-apiserver; gone when dropped.
struct Cluster {
    dir: tempfile::TempDir,
    processes: Vec<Child>,
    port: u16,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in &mut self.processes {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Cluster {
    fn start(assets: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let [etcd, peers] = [client, peer].map(|port| format!("http://127.0.0.1:{port}"));
        let key = rcgen::KeyPair::generate().expect("a key");
        std::fs::write(dir.path().join("sa.key"), key.serialize_pem()).expect("written");
        std::fs::write(dir.path().join("sa.pub"), key.public_key_pem()).expect("written");
        let tokens = format!("{ADMIN},admin,1,\"system:masters\"\n{CANDIDATE},candidate,2\n");
        std::fs::write(dir.path().join("tokens.csv"), tokens).expect("written");
        let start = |name: &str, args: &[&str]| {
            let log = std::fs::File::create(dir.path().join(format!("{name}.log"))).expect("a log");
            let mut command = Command::new(assets.join(name));
            command.args(args).current_dir(dir.path()).stdin(Stdio::null());
            command.stdout(log.try_clone().expect("a handle")).stderr(log);
            command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let etcd_process = start(
            "etcd",
            &[
                "--data-dir=etcd",
                &format!("--listen-client-urls={etcd}"),
                &format!("--advertise-client-urls={etcd}"),
                &format!("--listen-peer-urls={peers}"),
                "--unsafe-no-fsync",
            ],
        );
        let server_process = start(
            "kube-apiserver",
            &[
                &format!("--etcd-servers={etcd}"),
                &format!("--secure-port={port}"),
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--cert-dir=certs",
                "--token-auth-file=tokens.csv",
                "--authorization-mode=RBAC",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-signing-key-file=sa.key",
                "--service-account-key-file=sa.pub",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--disable-admission-plugins=ServiceAccount",
            ],
        );
        Self { dir, processes: vec![etcd_process, server_process], port }
    }

    fn ca_file(&self) -> PathBuf {
        self.dir.path().join("certs/apiserver.crt")
    }

    /// Waits until the server can be asked, and gives the candidates their role.
    async fn prepare(&self) {
        let begin = Instant::now();
        while let Err(error) = self.is_ready().await {
            let log = std::fs::read_to_string(self.dir.path().join("kube-apiserver.log")).unwrap_or_default();
            let end: Vec<_> = log.lines().rev().take(15).collect();
            assert!(begin.elapsed() < PATIENCE, "{error}\n{end:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Who may create cannot be told by the name: the object is not there yet.
        let rules = json!([
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "update"],
             "resourceNames": ["kill", "pause", "cut", "apply", "skip", "known", "room", "spent"]},
        ]);
        let meta = json!({"name": "numctl-lease", "namespace": "default"});
        let group = "rbac.authorization.k8s.io";
        self.post(
            "roles",
            json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta, "rules": rules}),
        )
        .await;
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "numctl-lease"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "candidate"}],
        });
        self.post("rolebindings", binding).await;
    }

    async fn is_ready(&self) -> Result<(), String> {
        let response = self
            .client()?
            .get(format!("https://127.0.0.1:{}/readyz", self.port))
            .bearer_auth(ADMIN)
            .send()
            .await
            .map_err(|error| format!("{error:?}"))?;
        if response.status().is_success() { Ok(()) } else { Err(response.status().to_string()) }
    }

    fn client(&self) -> Result<reqwest::Client, String> {
        let pem = std::fs::read(self.ca_file()).map_err(|error| error.to_string())?;
        let trusted = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| error.to_string())?;
        let builder = numctl::client::http::builder().no_proxy().tls_certs_only(trusted);
        builder.build().map_err(|error| error.to_string())
    }

    async fn post(&self, what: &str, object: Value) {
        let path = format!("apis/rbac.authorization.k8s.io/v1/namespaces/default/{what}");
        let response = self
            .client()
            .expect("a client")
            .post(format!("https://127.0.0.1:{}/{path}", self.port))
            .bearer_auth(ADMIN)
            .header("content-type", "application/json")
            .body(object.to_string())
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        assert!(status.is_success(), "{status} {}", response.text().await.unwrap_or_default());
    }
}

#[test]
fn it_holds_against_a_real_kube_apiserver() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        println!("SKIPPED: no real kube-apiserver (tests/kube/install.sh DIR, then KUBEBUILDER_ASSETS=DIR)");
        return;
    };
    let cluster = Cluster::start(&assets);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(cluster.prepare());
    let kube = Kube {
        address: SocketAddr::from(([127, 0, 0, 1], cluster.port)),
        scheme: "https",
        token: CANDIDATE.to_owned(),
        ca_file: Some(cluster.ca_file()),
    };
    let took = super::a_killed_leader_is_followed(&kube, "kill", "15s");
    println!("take-over after kill -9, with a lease of 15 s, real kube-apiserver: {took:?}");
    let took = super::a_paused_leader_writes_nothing_until_it_leads_again(&kube, "pause");
    println!("take-over after a clean stop, real kube-apiserver: {took:?}");
    super::a_leader_that_is_cut_off_stops(&kube, "cut");
    super::apply_waits_for_the_lease(&kube, "apply");
    super::what_is_left_of_a_run_is_skipped(&kube, "skip");
    super::claims::purchases_of_a_killed_leader_are_known(&kube, "known");
    super::claims::what_has_no_room_is_not_bought(&kube, "room");
    super::claims::limits_hold_for_whoever_leads_next(&kube, "spent");
}
