//! What a run would do: `--dry-run`.

use super::directory::CaDirectory;
use super::error::SetupError;
use super::goal::{DesiredSecret, SetupGoal, StoredSecrets};
use super::prepare::prepare;
use super::secrets::Written;
use super::step::Step;
use chrono::{DateTime, Utc};

/// One line for each thing that a run would do, or an error for what would stop it. Everything is done as in a run, with
/// changes of files kept in memory, so what can fail does so here, too; nothing is written.
pub(super) fn report(goal: &SetupGoal, stored: &StoredSecrets, now: DateTime<Utc>) -> Result<Vec<String>, SetupError> {
    let mut steps = Vec::new();
    let directory = CaDirectory::rehearse(&goal.directory);
    let prepared = prepare(goal, stored, directory, now, &mut |step| steps.push(step))?;
    let write = |secret: &DesiredSecret| {
        let written = match stored.get(&secret.name) {
            None => Written::Created,
            Some(data) if secret.is_met(data) => Written::Unchanged,
            Some(_) => Written::Updated,
        };
        Step::Write { secret: secret.name.clone(), written }
    };
    steps.extend(prepared.secrets.iter().map(write));
    Ok(steps.iter().map(Step::planned).collect())
}
