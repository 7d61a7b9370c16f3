//! The web page in a real browser, over a real operator and API server.

use crate::access::{may_get, somebody};
use crate::browser::Browser;
use crate::fake_ca::{Behaviour, FakeCa};
use crate::issuing::{WEB, outside};
use crate::support::operator::Options;
use crate::support::{Cluster, Namespace, Operator, wait};
use openvox_crds::{Certificate, Pool, Server};
use serde_json::json;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Things as people have them: some in order, some that wait, and some that nobody can help but their owner.
const STACK: &str = r#"
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: production}
spec: {authorityRef: corp, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Pool
metadata: {name: agents}
spec: {}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: compiler}
spec: {configRef: production, certificateRef: web, poolRefs: [agents]}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Server
metadata: {name: staging}
spec: {configRef: production, certificateRef: staging, poolRefs: [agents]}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: staging}
spec: {authorityRef: partner, certname: staging.example.test, privateKey: {algorithm: ECDSA}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: dashboard}
spec: {authorityRef: corp, certname: dashboard.example.test, privateKey: {algorithm: ECDSA}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: SigningPolicy
metadata: {name: nodes}
spec: {certificateAuthorityRef: corp, pattern: {allow: ["*.example.test"]}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Config
metadata: {name: misspelt}
spec: {authorityRef: crop, image: {repository: example.test/server, tag: v1}}
---
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Database
metadata: {name: puppetdb}
spec: {certificateRef: web, image: {repository: example.test/puppetdb, tag: v1}, postgres: {host: db.example.test, credentialsSecretRef: db}}
"#;

/// Written to do harm: the name of an authority is repeated in messages.
const HOSTILE: &str = r#"
apiVersion: openvox.voxpupuli.org/v1alpha1
kind: Certificate
metadata: {name: hostile}
spec: {authorityRef: "<img src=x onerror=document.title='taken'>", certname: hostile, privateKey: {algorithm: ECDSA}}
"#;

/// The operator and what it works on; the CAs have to be kept.
async fn scene(namespace: &Namespace, operator: Operator) -> (Operator, [FakeCa; 2]) {
    let [signs, queues] = [FakeCa::start(Behaviour::Signs), FakeCa::start(Behaviour::Queues)];
    outside(namespace, &signs).await;
    let partner = json!({
        "apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "CertificateAuthority", "metadata": {"name": "partner"},
        "spec": {"external": {"url": queues.url, "caSecretRef": "corp-trust"}},
    });
    namespace.create_all(WEB).await;
    namespace.create_all(STACK).await;
    // The authority comes to a certificate that waits for it, so every transition has a cause.
    namespace.reaches::<Certificate>("staging", "Pending/WaitingForAuthority").await;
    namespace.create_one(&partner).await.unwrap();
    namespace.reaches::<Certificate>("web", "Signed/Valid").await;
    namespace.reaches::<Certificate>("staging", "WaitingForSigning/WaitingForSigning").await;
    namespace.reaches::<Server>("compiler", "Pending/Deploying").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    (operator, [signs, queues])
}

fn page(operator: &Operator) -> String {
    format!("http://127.0.0.1:{}/", operator.history_port())
}

/// Nothing on the page was taken for markup or came from elsewhere, and the browser has nothing to complain about.
async fn assert_clean(browser: &Browser) {
    assert_eq!(browser.value("document.querySelectorAll('main img, main script, main iframe').length").await, 0);
    assert_ne!(browser.value("document.title").await, "taken");
    let elsewhere =
        "performance.getEntriesByType('resource').map(entry => entry.name).filter(name => !name.startsWith(location.origin + '/'))";
    assert_eq!(browser.value(elsewhere).await, json!([]));
    // That something was not found is the browser's own note about an answer, not a complaint.
    let complaints: Vec<String> = browser.complaints().await.into_iter().filter(|text| !text.contains("status of 404")).collect();
    assert_eq!(complaints, Vec::<String>::new());
}

#[tokio::test]
async fn the_board_shows_every_object_by_kind_and_phase_and_lives() {
    let Some(browser) = Browser::start().await else { return };
    let namespace = Cluster::shared().namespace().await;
    let (operator, _cas) = scene(&namespace, Operator::in_namespace(&namespace).await).await;
    browser.open(&page(&operator)).await;
    browser.until("document.querySelectorAll('.card').length === 12 && document.querySelector('#live').textContent === 'live'").await;
    let lane = |label: &str| {
        format!("[...document.querySelectorAll('[aria-label=\"{label}\"] .name')].map(name => name.textContent).sort().join()")
    };
    assert_eq!(browser.value(&lane("Certificate: Signed")).await, "dashboard,web");
    assert_eq!(browser.value(&lane("Certificate: WaitingForSigning")).await, "staging");
    assert_eq!(browser.value(&lane("Database: not looked at yet")).await, "puppetdb");
    for scheme in ["light", "dark"] {
        browser.prefers(scheme).await;
        browser.picture(&format!("page-board-{scheme}")).await;
    }

    // Live: no reload, and no poll either, which comes four times a minute.
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: latecomer}, spec: {}}").await;
    browser
        .until("[...document.querySelectorAll('[aria-label=\"Pool: Ready\"] .name')].some(name => name.textContent === 'latecomer')")
        .await;

    // What blocks is on the card, and markup in it is text.
    namespace.create_all(HOSTILE).await;
    browser.until("[...document.querySelectorAll('.card')].some(card => card.textContent.includes('does not exist') && card.textContent.includes('hostile'))").await;
    let why = browser.value("[...document.querySelectorAll('.card')].find(card => card.querySelector('.name').textContent === 'hostile').querySelector('.why').textContent").await;
    assert!(why.as_str().unwrap().contains("<img src=x onerror=document.title='taken'>"), "{why}");

    // By keyboard: filter, then the card, then the object.
    browser.press("/").await;
    browser.press("staging").await;
    browser.until("[...document.querySelectorAll('.card .name')].map(name => name.textContent).sort().join() === 'staging,staging'").await;
    browser.until("document.activeElement.id === 'search' && location.hash === '#/?q=staging'").await;
    let is_certificate = "document.activeElement.href?.includes('#/certificate/') ?? false";
    for _ in 0..20 {
        if browser.value(is_certificate).await == true {
            break;
        }
        browser.press(TAB).await;
    }
    assert_eq!(browser.value(is_certificate).await, true);
    browser.press(ENTER).await;
    browser.until("document.querySelector('h1')?.textContent === 'staging' && document.querySelector('.node.current') !== null").await;
    assert_clean(&browser).await;
}

#[tokio::test]
async fn an_object_shows_its_machine_its_way_and_what_blocks_it() {
    let Some(browser) = Browser::start().await else { return };
    let namespace = Cluster::shared().namespace().await;
    let (operator, _cas) = scene(&namespace, Operator::in_namespace(&namespace).await).await;
    let name = &namespace.name;
    browser.open(&format!("{}#/certificate/{name}/staging", page(&operator))).await;
    browser.until("document.querySelector('.node.current')?.textContent === 'WaitingForSigning'").await;
    browser.until("document.querySelector('#live').textContent === 'live'").await;
    let text = browser.value("document.querySelector('main').innerText").await;
    let text = text.as_str().unwrap();
    for words in
        ["WaitingForManualSigning", "puppetserver ca sign", "Next attempt", "What you can do", "SigningAwaited", "CsrSubmitted", "Cause"]
    {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    // The authority, a Secret of it, or the stored key.
    assert!(text.lines().any(|line| line.ends_with(" changed")), "no cause in\n{text}");
    // The way it went, drawn, and where it can go from here.
    assert!(browser.value("document.querySelectorAll('.edge.been').length").await.as_i64().unwrap() >= 3);
    assert!(browser.value("document.querySelectorAll('.edge.next').length").await.as_i64().unwrap() >= 3);
    // Every node is within the picture, and none lies on another.
    let overlaps = "(() => { const boxes = [...document.querySelectorAll('.node rect')].map(rect => rect.getBBox()); \
        const view = document.querySelector('.graph svg').viewBox.baseVal; \
        return boxes.some((a, i) => a.x < 0 || a.y < 0 || a.x + a.width > view.width || a.y + a.height > view.height \
          || boxes.some((b, j) => i < j && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)); })()";
    assert_eq!(browser.value(overlaps).await, false);
    for scheme in ["light", "dark"] {
        browser.prefers(scheme).await;
        browser.picture(&format!("page-certificate-{scheme}")).await;
    }

    // The past: the machine as it was.
    browser.value("[...document.querySelectorAll('.entry button')].find(entry => entry.querySelector('.event').textContent === 'KeyStored').click()").await;
    browser.until("document.querySelector('.node.current').textContent === 'KeyStored'").await;
    browser.value("document.querySelector('[data-key=now]').click()").await;
    browser.until("document.querySelector('.node.current').textContent === 'WaitingForSigning'").await;

    // Live: what happens is drawn when it happens.
    namespace.api::<Certificate>().delete("staging", &kube::api::DeleteParams::default()).await.unwrap();
    browser.until("document.querySelector('.banner')?.textContent.includes('does not exist') ?? false").await;
    browser.until("document.querySelector('.node.current').textContent === 'Cleaned'").await;
    browser.until("document.querySelector('.entry .event').textContent.startsWith('Clean')").await;

    // Links to what it is connected to, also where they lead nowhere.
    browser.open(&format!("{}#/server/{name}/compiler", page(&operator))).await;
    browser
        .until("[...document.querySelectorAll('.related a')].map(link => link.textContent).sort().join() === 'agents,production,web'")
        .await;
    namespace.create_all(HOSTILE).await;
    browser.open(&format!("{}#/certificate/{name}/hostile", page(&operator))).await;
    browser.until("document.querySelector('.related .missing') !== null").await;
    browser.value("document.querySelector('.related a').click()").await;
    browser.until("document.querySelector('.banner.gone') !== null").await;
    browser.size(420, 900).await;
    browser.open(&format!("{}#/certificate/{name}/web", page(&operator))).await;
    browser.until("document.querySelector('.node.current')?.textContent === 'Valid'").await;
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth").await, true, "a small screen scrolls sideways");
    assert_clean(&browser).await;
}

#[tokio::test]
async fn the_page_asks_for_a_token_and_keeps_it_in_its_tab() {
    let Some(browser) = Browser::start().await else { return };
    let namespace = Cluster::shared().namespace().await;
    let operator = Options::new(&namespace).history_for_callers_with_tokens().start();
    operator.ready().await;
    namespace.create_all("{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Pool, metadata: {name: agents}, spec: {}}").await;
    namespace.reaches::<Pool>("agents", "Ready/Synced").await;
    let token = somebody(&namespace, "reader").await;
    may_get(&namespace, "reader", "pools", &[]).await;

    browser.open(&page(&operator)).await;
    browser.until("document.querySelector('#ask').open && document.activeElement.id === 'ask-token'").await;
    browser.press("wrong").await;
    browser.press(ENTER).await;
    browser
        .until("document.querySelector('#ask').open && document.querySelector('#ask-why').textContent.includes('does not accept')")
        .await;
    browser.press(&token).await;
    browser.press(ENTER).await;
    // The right may take a moment; the page is asked again until it is there.
    wait::until_some("the board", async || {
        if browser.value("[...document.querySelectorAll('.card .name')].some(name => name.textContent === 'agents')").await == true {
            return Some(());
        }
        browser.value("document.querySelector('main .primary')?.click()").await;
        None
    })
    .await;
    assert_eq!(browser.value("document.querySelector('#ask').open").await, false);
    assert_eq!(browser.value("[localStorage.length, document.cookie, Object.values(sessionStorage).length]").await, json!([0, "", 1]));
    browser.open(&format!("{}?again", page(&operator))).await;
    browser.until("document.querySelectorAll('.card').length === 1").await;
    // Somebody else's object: no right, and no hint that it exists.
    browser.value("location.hash = '#/certificate/elsewhere/web'").await;
    browser.until("document.querySelector('main h1')?.textContent === 'Not allowed'").await;

    browser.value("document.querySelector('#token').click()").await;
    browser.value("document.querySelector('#ask-forget').click()").await;
    browser.until("document.querySelector('#ask').open && sessionStorage.length === 0").await;
}
