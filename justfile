# Everything there is to run. `./justw` finds or gets just itself; `./justw RECIPE` runs a recipe.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists what there is to run.
[private]
@default:
    {{ just_executable() }} --justfile '{{ justfile() }}' --list --unsorted

# The running stack on a Kubernetes of its own, with a real agent (root; first 14 minutes, then 1). DEMO_CLUSTER=current
# takes the cluster of your kubeconfig instead, with images pushed to IMAGE_REGISTRY (no root).
[group('demo')]
@demo:
    tests/demo/demo.sh

# Removes the demo's cluster; with DEMO_CLUSTER=current what it made on yours.
[group('demo')]
@down:
    tests/demo/down.sh

# On the cluster of your kubeconfig: the operator and its CRDs, published images.
[group('your cluster')]
@install:
    tests/deploy/deploy.sh install

# A stack beside it, release and namespace openvox; STACK_VALUES is a values file.
[group('your cluster')]
@stack:
    tests/deploy/deploy.sh stack

# Removes that stack.
[group('your cluster')]
@unstack:
    tests/deploy/deploy.sh unstack

# Removes that stack, the operator and its CRDs.
[group('your cluster')]
@uninstall:
    tests/deploy/deploy.sh uninstall

# Images of this checkout, pushed to IMAGE_REGISTRY with the tag LOCAL_TAG.
[group('your cluster')]
@local-build:
    tests/deploy/deploy.sh local-build

# The operator from images that local-build pushed.
[group('your cluster')]
@local-install:
    tests/deploy/deploy.sh local-install

# local-build, then local-install.
[group('your cluster')]
@local-deploy:
    tests/deploy/deploy.sh local-deploy

# A stack with images that local-build pushed.
[group('your cluster')]
@local-stack:
    tests/deploy/deploy.sh local-stack

# The end-to-end tests with images of this checkout, pushed to IMAGE_REGISTRY. NAME picks tests.
[group('your cluster')]
@e2e *NAME:
    tests/deploy/e2e.sh {{ NAME }}

# Gets what demo and tests need: packages, Kubernetes, cargo-deny. Does again only what is missing.
[group('develop')]
@setup:
    tests/setup.sh

# Formats all Rust code.
[group('develop')]
fmt:
    cargo fmt --all

# Writes the CRDs from the Rust types.
[group('develop')]
crds:
    cargo run --quiet -p openvox-crds --bin crdgen

# Writes docs/machines from the explored state machines.
[group('develop')]
docs-machines:
    UPDATE=1 cargo test --quiet -p openvox-machines

# Writes docs/openapi.json from the routes of the history API.
[group('develop')]
docs-openapi:
    UPDATE=1 cargo test --quiet --lib the_description_in_the_documentation_is_current

# Writes dashboards, alerts, their tests and runbooks from boards, alerts.yaml and the state machines.
[group('develop')]
dashboards:
    cargo run --quiet -p openvox-dashboards

# Images for the test cluster, the operator from a release build; prints their archives.
[group('develop')]
images:
    for name in server agent code operator; do tests/images/build.sh "$name"; done

# Removes what cargo built; programs and images of the test cluster lie in ~/.cache/openvox-operator.
[group('develop')]
clean:
    cargo clean

# All tests and checks in order, with a summary; goes on after a failure.
[group('test')]
@test: setup
    tests/all.sh lint test-unit test-journal test-integration test-dashboards test-charts test-images test-cluster test-deploy test-e2e

# Format, clippy, licences and sources of dependencies, the API's description.
[group('test')]
lint:
    cargo fmt --all -- --check
    cargo clippy --quiet --workspace --all-targets -- -D warnings
    tests/deny.sh --log-level error check bans licenses sources
    tests/openapi.sh

# Advisories about dependencies; needs github.com.
[group('test')]
audit:
    tests/deny.sh check advisories

# Libraries, programs, generated files; no cluster.
[group('test')]
test-unit:
    cargo test --quiet --workspace --lib --bins
    cargo test --quiet --workspace --doc
    cargo test --quiet --workspace --exclude openvox-operator --test '*'
    tests/argocd.sh

# The operator against a real control plane, crashes included; no root. NAME picks tests.
[group('test')]
test-integration *NAME:
    tests/integration.sh {{ NAME }}

# Random crashes and faults on a Certificate's way, again and again; OPENVOX_SOAK_SEED begins with the round of that seed.
[group('test')]
soak MINUTES='10':
    OPENVOX_SOAK_SECONDS=$(({{ MINUTES }} * 60)) tests/integration.sh soak::soak --exact --ignored --nocapture

# Dashboards and alerts: promtool's tests, every query against a real Prometheus; no root.
[group('test')]
test-dashboards *NAME:
    tests/dashboards.sh {{ NAME }}

# The journal's stores against a real PostgreSQL (its Debian package; started in a folder of its own) and SQLite.
[group('test')]
test-journal *NAME:
    cargo test --quiet --test journal -- {{ NAME }}

# Charts: lint, render, unit tests.
[group('test')]
test-charts:
    tests/charts/run.sh

# The test cluster: nothing stays behind wherever its start is killed.
[group('test')]
test-cluster:
    tests/cluster.sh

# The server image's trial notices a broken class path (root).
[group('test')]
test-images:
    tests/images/test.sh

# The recipes for your cluster, and the demo on it, against a test cluster that plays it (root).
[group('test')]
test-deploy:
    tests/deploy/test.sh

# The stack with real Puppet Servers and agents on a real node (root). NAME picks tests.
[group('test')]
test-e2e *NAME:
    tests/end_to_end.sh {{ NAME }}

# Benchmarks (root, except journal and overhead); prints their numbers. `bench stack`, `bench certificates [COUNT] [--sweep]`,
# `bench journal`, `bench overhead`, or all.
[group('test')]
bench *ARGUMENTS:
    tests/bench/run.sh {{ ARGUMENTS }}
