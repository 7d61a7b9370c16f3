//! A Certificate's way under random crashes and faults, again and again: `./justw soak [MINUTES]`.
//!
//! A round has a seed. It decides about what happens; the operator and the machine decide about when.

use crate::api_faults::{ApiFaults, Fault};
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{outside, pem};
use crate::support::fold::fold;
use crate::support::namespace::HasLifecycle as _;
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use axum::extract::Request;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use kube::runtime::watcher;
use openvox_crds::Certificate;
use openvox_machines::certificate::State;
use openvox_puppet::{Fingerprint, PrivateKey};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinHandle;

const NAME: &str = "web.example.test";

const WEB: &str = "
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: web}
spec: {authorityRef: corp, certname: web.example.test, privateKey: {algorithm: ECDSA}}
";

/// Of so many requests to the API server, one meets a fault.
const API_FAULT_IN: u64 = 12;

/// What a CA may be like for a while. It recovers at the end of each round.
const MOODS: [Behaviour; 9] = [
    Behaviour::Signs,
    Behaviour::Signs,
    Behaviour::Signs,
    Behaviour::Queues,
    Behaviour::Broken,
    Behaviour::HangsUp,
    Behaviour::BreaksOff,
    Behaviour::WebPage,
    Behaviour::Answers(403),
];

const CRASH_POINTS: [&str; 4] = ["commit", "effect", "done", "answer"];

/// Random numbers that a seed decides (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

/// Sees every version of the Certificate's Secrets.
struct Witness {
    seen: Arc<Mutex<Seen>>,
    watch: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// Keys that were stored.
    keys: BTreeSet<Fingerprint>,
    /// Pairs that did not fit.
    misfits: Vec<String>,
}

impl Witness {
    fn of(namespace: &Namespace) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (api, notes) = (namespace.api::<Secret>(), Arc::clone(&seen));
        let watch = tokio::spawn(async move {
            let mut changes = watcher(api, watcher::Config::default()).boxed();
            while let Some(change) = changes.next().await {
                if let Ok(watcher::Event::Apply(secret) | watcher::Event::InitApply(secret)) = change {
                    notes.lock().unwrap().note(&secret);
                }
            }
        });
        Self { seen, watch }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Seen {
    fn note(&mut self, secret: &Secret) {
        let name = secret.name_any();
        if !name.starts_with("web-tls") {
            return;
        }
        let key = PrivateKey::from_pem(&pem(secret, "key.pem")).unwrap();
        self.keys.insert(key.public_key());
        if name == "web-tls" && !openvox_puppet::Certificate::from_pem(&pem(secret, "cert.pem")).unwrap().matches(&key) {
            self.misfits.push(format!("{name} at version {:?}", secret.resource_version()));
        }
    }
}

/// What was done on purpose, by which the outcome is measured.
#[derive(Debug, Default)]
struct Done {
    /// Each of these may lead to one new key.
    reasons_for_a_key: usize,
    renewals_wished: u32,
    cleaned: u32,
    deaths: u32,
    /// Keys that the CA was asked to certify, and certificates that it renewed.
    keys: usize,
    renewals: u32,
    /// In order, for the reader of a failed round.
    log: Vec<String>,
}

struct Round {
    namespace: Namespace,
    ca: FakeCa,
    options: Options,
    dice: Dice,
    done: Done,
}

impl Round {
    /// An operator that dies at a random point if it gets there, or one that lives.
    fn operator(&mut self) -> Operator {
        if self.dice.roll(2) == 0 {
            return self.options.start();
        }
        let place = format!("Certificate/{}/{}", self.dice.pick(&CRASH_POINTS), 1 + self.dice.roll(6));
        self.done.log.push(format!("an operator that dies at {place}"));
        self.options.start_with("CRASH_AT", &place)
    }

    async fn annotate(&mut self, what: &str) {
        let value = self.dice.roll(u64::MAX).to_string();
        let annotations = json!({format!("openvox.voxpupuli.org/{what}"): value});
        self.namespace.merge::<Certificate>("web", json!({"metadata": {"annotations": annotations}})).await;
    }

    /// Without rights at the CA nobody gets a new key certified before somebody has cleaned the old one there.
    fn clean(&mut self) {
        self.ca.clean(NAME);
        self.done.cleaned += 1;
    }

    /// Something happens.
    async fn happens(&mut self, operator: &mut Operator) {
        let what = self.dice.roll(9);
        match what {
            0 => {
                let mood = self.dice.pick(&MOODS);
                self.done.log.push(format!("the CA becomes {mood:?}"));
                self.ca.becomes(mood);
            }
            1 => {
                self.done.log.push("a renewal is wished for".to_owned());
                self.done.renewals_wished += 1;
                self.annotate("renew").await;
            }
            2 => {
                self.done.log.push("a new key is wished for".to_owned());
                self.done.reasons_for_a_key += 1;
                self.clean();
                self.annotate("rekey").await;
            }
            3 => {
                let name = format!("web{}", self.dice.roll(1000));
                self.done.log.push(format!("the name {name} is wished for"));
                self.done.reasons_for_a_key += 1;
                self.clean();
                self.namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": [name]}})).await;
            }
            4 => {
                self.done.log.push("the TLS Secret is deleted".to_owned());
                self.done.reasons_for_a_key += 1;
                self.clean();
                let _ = self.namespace.api::<Secret>().delete("web-tls", &DeleteParams::default()).await;
            }
            5 => {
                self.done.log.push("the operator is frozen for a while".to_owned());
                if operator.runs() {
                    operator.freeze(true);
                    tokio::time::sleep(Duration::from_millis(self.dice.roll(500))).await;
                    operator.freeze(false);
                }
            }
            6 => {
                self.done.log.push("the CA is well".to_owned());
                self.ca.becomes(Behaviour::Signs);
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            7 => {
                self.done.log.push("nothing for a while".to_owned());
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            _ => {
                self.done.log.push("the operator is killed".to_owned());
                self.done.deaths += 1;
                let next = self.operator();
                std::mem::replace(operator, next).kill();
            }
        }
    }

    /// Everybody is well again, and the Certificate is asked for one thing more.
    async fn ends(&mut self, calm: &AtomicBool) -> Operator {
        calm.store(true, Ordering::SeqCst);
        self.ca.becomes(Behaviour::Signs);
        self.clean();
        self.done.reasons_for_a_key += 1;
        self.annotate("rekey").await;
        self.namespace.merge::<Certificate>("web", json!({"spec": {"dnsAltNames": ["last"]}})).await;
        let operator = self.options.start();
        operator.ready().await;
        let secrets = self.namespace.api::<Secret>();
        wait::until(&secrets, "web-tls", "to have the last name", |secret| {
            let certificate = openvox_puppet::Certificate::from_pem(&pem(secret, "cert.pem")).unwrap();
            certificate.info().alt_names.contains(&"last".parse().unwrap())
        })
        .await;
        self.namespace.reaches::<Certificate>("web", "Signed/Valid").await;
        operator
    }
}

/// One round. Panics where something is lost, done twice or mixed up.
async fn round(seed: u64) -> Done {
    let mut dice = Dice(seed);
    let namespace = Cluster::shared().namespace().await;
    let ca = FakeCa::start(dice.pick(&MOODS[..4]));
    outside(&namespace, &ca).await;
    let witness = Witness::of(&namespace);
    let calm = Arc::new(AtomicBool::new(false));
    let (quiet, faulty) = (Arc::clone(&calm), Mutex::new(Dice(seed ^ 1)));
    let choice = move |request: &Request| {
        let mut dice = faulty.lock().unwrap();
        // A watch has no answer to lose. What every operator begins with is left alone: without it nothing begins.
        let meets = !quiet.load(Ordering::SeqCst) && request.uri().path().contains("/namespaces/") && !watches(request);
        if !meets || dice.roll(API_FAULT_IN) > 0 {
            return Fault::None;
        }
        let write = request.method() != "GET";
        dice.pick(if write { &[Fault::Fails, Fault::LosesAnswer, Fault::Conflict] } else { &[Fault::Fails] })
    };
    let way = ApiFaults::serve(&namespace, Arc::new(choice)).await;
    let options = Options::new(&namespace).kubeconfig(&way.kubeconfig);
    namespace.create_all(WEB).await;
    let mut round = Round { namespace, ca, options, dice, done: Done { reasons_for_a_key: 1, ..Done::default() } };
    let mut operator = if round.dice.roll(2) == 0 {
        let operator = round.options.start();
        round.ca.becomes(Behaviour::Signs);
        round.namespace.reaches::<Certificate>("web", "Signed/Valid").await;
        operator
    } else {
        round.operator()
    };
    for _ in 0..6 + round.dice.roll(10) {
        tokio::time::sleep(Duration::from_millis(round.dice.roll(900))).await;
        round.happens(&mut operator).await;
        if !operator.runs() {
            round.done.deaths += 1;
            operator = round.operator();
        }
    }
    operator.kill();
    let operator = round.ends(&calm).await;
    let whole = holds(&round, &witness, &operator).await;
    if let Err(what) = whole {
        panic!("seed {seed}: {what}; what happened: {:#?}", round.done);
    }
    let submitted: BTreeSet<Fingerprint> = round.ca.submitted().into_iter().collect();
    Done { keys: submitted.len(), renewals: round.ca.renewals(), ..round.done }
}

fn watches(request: &Request) -> bool {
    request.uri().query().is_some_and(|query| query.contains("watch=true"))
}

/// What must hold after each round.
async fn holds(round: &Round, witness: &Witness, operator: &Operator) -> Result<(), String> {
    let Round { namespace, ca, done, .. } = round;
    let check = |is: bool, what: String| if is { Ok(()) } else { Err(what) };
    let submitted: BTreeSet<Fingerprint> = ca.submitted().into_iter().collect();
    {
        let seen = witness.seen.lock().unwrap();
        check(seen.misfits.is_empty(), format!("pairs that do not fit: {:?}", seen.misfits))?;
        let unknown: Vec<_> = submitted.difference(&seen.keys).collect();
        check(unknown.is_empty(), format!("requests for keys that were never stored: {unknown:?}"))?;
    }
    let (keys, reasons) = (submitted.len(), done.reasons_for_a_key);
    check(keys <= reasons, format!("{keys} keys for {reasons} reasons"))?;
    let (renewals, most) = (ca.renewals(), done.renewals_wished + done.cleaned);
    check(renewals <= most, format!("{renewals} renewals, {} wished for, {} times cleaned", done.renewals_wished, done.cleaned))?;
    let stored = namespace.api::<Secret>().get("web-tls").await.unwrap();
    let key = PrivateKey::from_pem(&pem(&stored, "key.pem")).unwrap().public_key();
    check(submitted.contains(&key), "the certificate in use was never asked for".to_owned())?;

    let certificate = namespace.api::<Certificate>().get("web").await.unwrap();
    let machine = certificate.lifecycle().unwrap().machine.clone().unwrap();
    let path = format!("/Certificate/{}/web?order=asc&limit=500", namespace.name);
    let entries = wait::until_some("the journal to have every transition", async || {
        let entries: Vec<Value> = operator.history(&path).1["items"].as_array()?.clone();
        (entries.last()?["seq"].as_i64()? >= machine.seq).then_some(entries)
    })
    .await;
    let numbers: Vec<i64> = entries.iter().filter_map(|entry| entry["seq"].as_i64()).collect();
    check(numbers == (1..=machine.seq).collect::<Vec<_>>(), format!("the history is numbered {numbers:?}"))?;
    let folded = fold::<State>(&entries);
    check(machine.data == Some(folded.clone().into()), format!("the history leads to {folded}, the status holds {:?}", machine.data))?;
    let panics: Vec<String> = operator.errors().into_iter().filter(|line| line.contains("panicked")).collect();
    check(panics.is_empty(), format!("{panics:?}"))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("a whole number"))
}

#[tokio::test]
#[ignore = "runs for as long as it is told: ./justw soak [MINUTES]"]
async fn soak() {
    let seconds = number("OPENVOX_SOAK_SECONDS").unwrap_or(600);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let first = number("OPENVOX_SOAK_SEED").unwrap_or(now);
    let (began, mut seed, mut deaths) = (Instant::now(), first, 0);
    while began.elapsed().as_secs() < seconds {
        println!("round {}: OPENVOX_SOAK_SEED={seed}", seed - first + 1);
        let done = round(seed).await;
        println!("  {}; {} operators died; {} keys, {} renewals", done.log.join(", "), done.deaths, done.keys, done.renewals);
        deaths += done.deaths;
        seed += 1;
    }
    println!("{} rounds in {} s, in which {deaths} operators died", seed - first, began.elapsed().as_secs());
}
