//! The last good answers, for when the classifier does not answer.

use super::settings::CacheSettings;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

/// Most answers kept. The oldest goes for a new one: at 4 KiB each they take 40 MiB of the pod's disk.
const MOST: usize = 10_000;

/// Longest answer that is read back; none that was written is longer.
const MAX_BYTES: u64 = 20 * 1024 * 1024;

/// A directory with one file for each node, named after it.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
    max_age: Duration,
}

/// A cached answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Cached {
    /// What was printed then.
    pub text: String,
    /// How long ago.
    pub age: Duration,
}

impl Cache {
    /// The cache of the settings.
    #[must_use]
    pub fn new(settings: &CacheSettings) -> Self {
        Self { directory: settings.directory.clone(), max_age: Duration::from_secs(settings.max_age_seconds) }
    }

    fn path(&self, certname: &str) -> PathBuf {
        self.directory.join(format!("{certname}.yaml"))
    }

    /// Keeps an answer. Others see the old file or the new one, never a part.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn store(&self, certname: &str, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let path = self.path(certname);
        if !path.exists() {
            self.make_room()?;
        }
        let part = self.directory.join(format!(".{certname}.{}", std::process::id()));
        fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).inspect_err(|_| {
            // Nothing else can be done about it.
            let _ = fs::remove_file(&part);
        })
    }

    /// The answer about a node, unless it is too old.
    ///
    /// # Errors
    /// With the reason why there is none.
    pub fn load(&self, certname: &str, now: SystemTime) -> io::Result<Cached> {
        let path = self.path(certname);
        let file = fs::metadata(&path)?;
        // A file from the future was written before a clock was set back.
        let age = now.duration_since(file.modified()?).unwrap_or_default();
        if age > self.max_age {
            return Err(io::Error::other(format!("the cached answer is {} s old, more than {}", age.as_secs(), self.max_age.as_secs())));
        }
        if file.len() > MAX_BYTES {
            return Err(io::Error::other("the cached answer is too long"));
        }
        Ok(Cached { text: fs::read_to_string(&path)?, age })
    }

    /// Forgets a node.
    ///
    /// # Errors
    /// If its file cannot be removed.
    pub fn forget(&self, certname: &str) -> io::Result<()> {
        match fs::remove_file(self.path(certname)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the oldest answer if there is no room for one more.
    fn make_room(&self) -> io::Result<()> {
        let mut kept: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.directory)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                is_answer(&entry.path()).then_some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .collect();
        if kept.len() < MOST {
            return Ok(());
        }
        kept.sort();
        for (_, path) in kept.iter().take(kept.len() + 1 - MOST) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn is_answer(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(directory: &Path, max_age: u64) -> Cache {
        Cache { directory: directory.to_owned(), max_age: Duration::from_secs(max_age) }
    }

    #[test]
    fn an_answer_stands_in_until_it_is_too_old_and_leaves_no_part_behind() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(&directory.path().join("new"), 60);
        cache.store("web", "one").unwrap();
        cache.store("web", "two").unwrap();
        assert_eq!(cache.load("web", SystemTime::now()).unwrap().text, "two");
        let late = SystemTime::now() + Duration::from_mins(2);
        assert!(cache.load("web", late).unwrap_err().to_string().contains("s old, more than 60"));
        assert_eq!(cache.load("web", SystemTime::UNIX_EPOCH).unwrap().age, Duration::ZERO);
        assert_eq!(fs::read_dir(directory.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_node_that_is_forgotten_has_no_answer() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), 60);
        cache.store("web", "one").unwrap();
        cache.forget("web").unwrap();
        cache.forget("web").unwrap();
        assert!(cache.load("web", SystemTime::now()).is_err());
    }

    #[test]
    fn the_oldest_answer_goes_when_there_is_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), 60);
        for number in 0..MOST {
            fs::write(directory.path().join(format!("n{number}.yaml")), "x").unwrap();
        }
        let old = fs::File::open(directory.path().join("n77.yaml")).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        cache.store("new", "y").unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), MOST);
        assert!(!directory.path().join("n77.yaml").exists() && directory.path().join("new.yaml").exists());
    }
}
