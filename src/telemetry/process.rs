//! The process's own use of the machine, under the names that every Prometheus client uses.

use super::catalogue::{MetricDescription, PROCESS_CPU, PROCESS_FILES, PROCESS_MEMORY, PROCESS_START};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Clock ticks of `/proc/self/stat` per second: `USER_HZ`, which Linux holds at 100 on every platform that we build
/// for, whatever its timer does.
const TICKS: f64 = 100.0;

/// Reads `/proc/self` at the scrape. What cannot be read has no series.
#[derive(Debug)]
pub(super) struct Process {
    /// Unix seconds.
    started: i64,
}

impl Process {
    /// To be made when the process starts.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: i64::try_from(since.as_secs()).unwrap_or(i64::MAX) }
    }
}

/// User and system time in seconds, from `/proc/self/stat`: fields 14 and 15, counted after the name in brackets,
/// which may hold spaces itself.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

/// Resident memory in bytes, from `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Writes a metric that has no labels.
fn encode(encoder: &mut DescriptorEncoder<'_>, metric: &MetricDescription, value: &impl EncodeMetric) -> fmt::Result {
    // The registry ends help texts with a full stop; a collector has to do it itself.
    let (help, unit) = (format!("{}.", metric.help), metric.unit());
    value.encode(encoder.encode_descriptor(metric.family(), &help, unit.as_ref(), value.metric_type())?)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            encode(&mut encoder, &PROCESS_CPU, &ConstCounter::new(seconds))?;
        }
        let memory = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes);
        let files = fs::read_dir("/proc/self/fd").ok().and_then(|files| i64::try_from(files.count()).ok());
        for (metric, value) in [(PROCESS_MEMORY, memory), (PROCESS_FILES, files), (PROCESS_START, Some(self.started))] {
            if let Some(value) = value {
                encode(&mut encoder, &metric, &ConstGauge::new(value))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194560 2180 0 0 0 150 50 0 0 20 0 1 0 100 1000 10";
        assert_eq!(cpu_seconds(stat), Some(2.0));
    }

    #[test]
    fn resident_memory_is_told_in_bytes() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\n"), None);
    }
}
