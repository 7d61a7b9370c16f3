//! Reading and writing files with a mode.

use super::error::PodInitError;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The content of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, PodInitError> {
    fs::read(path).map_err(PodInitError::read(path))
}

/// Makes a directory and its parents, open to the group: Puppet Server may run as another user of group 0.
pub fn make_directory(path: &Path) -> Result<(), PodInitError> {
    fs::create_dir_all(path).map_err(PodInitError::write(path))?;
    fs::set_permissions(path, Permissions::from_mode(0o770)).map_err(PodInitError::write(path))
}

/// Makes a link to a file, in place of an earlier one.
pub fn link(path: &Path, target: &Path) -> Result<(), PodInitError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(PodInitError::write(path)(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(target, path).map_err(PodInitError::write(path))
}

/// Writes a file under a temporary name and renames it: a container that was killed half-way and starts again finds
/// either the old file or the whole new one. The mode is set before the content is there.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), PodInitError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let written = fs::write(new, b"")
        .and_then(|()| fs::set_permissions(new, Permissions::from_mode(mode)))
        .and_then(|()| fs::write(new, content))
        .and_then(|()| fs::rename(new, path));
    written.map_err(PodInitError::write(path))
}
