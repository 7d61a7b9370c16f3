//! Options of the Java VM of a Server.

use super::quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use openvox_crds::ServerSpec;

const MEBIBYTE: u64 = 1024 * 1024;
/// Mebibytes that Puppet Server needs beside the heap whatever it does: metaspace of Clojure and `JRuby` (about 150), code
/// cache, threads, network buffers.
const BASE: u64 = 256;
/// Mebibytes that each `JRuby` instance needs beside the heap: compiled Ruby classes in metaspace and code cache.
const PER_INSTANCE: u64 = 64;
/// Share of the limit for what grows with the heap: tables of the garbage collector and the allocator's slack.
const GROWING_PART: u64 = 10;
/// Options where neither options nor a memory limit are given.
const WITHOUT_LIMIT: &str = "-Xms512m -Xmx1024m";

/// Number of `JRuby` instances: what is given, at least one.
pub fn instances(spec: &ServerSpec) -> u32 {
    u32::try_from(spec.max_active_instances).unwrap_or(1).max(1)
}

/// The value of `JAVA_ARGS`: the options that are given; else a heap that leaves room below the memory limit; else a
/// fixed heap.
///
/// The number of instances is appended as a system property, as operators before this one did; Puppet Server takes it
/// from the environment (see `render::puppetserver_conf`).
pub fn java_args(spec: &ServerSpec) -> String {
    let given = spec.java_args.as_deref().unwrap_or_default().trim();
    let limit = spec.resources.as_ref().and_then(|resources| resources.limits.as_ref()?.get("memory"));
    let heap = match limit.and_then(|limit| megabytes(limit, instances(spec))) {
        _ if !given.is_empty() => given.to_owned(),
        Some(megabytes) => format!("-Xms{megabytes}m -Xmx{megabytes}m"),
        None => WITHOUT_LIMIT.to_owned(),
    };
    format!("{heap} -Djruby-puppet.max-active-instances={}", instances(spec))
}

/// Mebibytes of heap under a memory limit: what is left beside everything else, but never less than half, where a
/// smaller heap would no longer buy stability. `None` for a limit that cannot hold a Java VM.
fn megabytes(limit: &Quantity, instances: u32) -> Option<u64> {
    let limit = quantity::bytes(limit)? / MEBIBYTE;
    let beside = BASE + PER_INSTANCE * u64::from(instances) + limit / GROWING_PART;
    Some(limit.saturating_sub(beside).max(limit / 2)).filter(|heap| *heap > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ResourceRequirements;
    use std::collections::BTreeMap;

    fn server(java_args: Option<&str>, limit: Option<&str>, instances: i32) -> ServerSpec {
        let limits = limit.map(|limit| BTreeMap::from([("memory".to_owned(), Quantity(limit.to_owned()))]));
        ServerSpec {
            java_args: java_args.map(str::to_owned),
            resources: Some(ResourceRequirements { limits, ..ResourceRequirements::default() }),
            max_active_instances: instances,
            ..ServerSpec::default()
        }
    }

    fn heap_of(limit: &str, instances: i32) -> u64 {
        let args = java_args(&server(None, Some(limit), instances));
        args.split("-Xmx").nth(1).unwrap().split('m').next().unwrap().parse().unwrap()
    }

    #[test]
    fn the_heap_leaves_room_below_the_memory_limit() {
        for (limit, instances, heap) in
            [("640Mi", 1, 320), ("1Gi", 1, 602), ("2Gi", 1, 1524), ("4Gi", 1, 3367), ("4Gi", 4, 3175), ("1Gi", 8, 512)]
        {
            assert_eq!(heap_of(limit, instances), heap, "{limit}, {instances} instances");
        }
    }

    #[test]
    fn given_options_are_kept_and_empty_ones_count_as_absent() {
        assert_eq!(java_args(&server(Some("-Xmx2g"), Some("1Gi"), 2)), "-Xmx2g -Djruby-puppet.max-active-instances=2");
        assert_eq!(java_args(&server(Some(" "), Some("1Gi"), 1)), java_args(&server(None, Some("1Gi"), 1)));
    }

    #[test]
    fn without_a_limit_the_heap_is_fixed() {
        let expected = "-Xms512m -Xmx1024m -Djruby-puppet.max-active-instances=1";
        assert_eq!(java_args(&server(None, None, 1)), expected);
        assert_eq!(java_args(&ServerSpec::default()), expected);
    }

    #[test]
    fn there_is_at_least_one_instance() {
        for given in [0, -3] {
            assert_eq!(instances(&server(None, None, given)), 1);
        }
        assert_eq!(instances(&server(None, None, 4)), 4);
    }
}
