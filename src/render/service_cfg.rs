//! `ca.cfg`, the list of services that make a Puppet Server a CA or not.

/// The text of `ca.cfg`. Both have the file watcher: without it a server does not reload its CRL.
#[must_use]
pub fn render(ca: bool) -> String {
    let service = if ca { "certificate-authority-service" } else { "certificate-authority-disabled-service" };
    format!(
        "puppetlabs.services.ca.{service}/{service}\n\
         puppetlabs.trapperkeeper.services.watcher.filesystem-watch-service/filesystem-watch-service\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variant_names_its_ca_service_and_the_file_watcher() {
        insta::assert_snapshot!(render(true), @r"
        puppetlabs.services.ca.certificate-authority-service/certificate-authority-service
        puppetlabs.trapperkeeper.services.watcher.filesystem-watch-service/filesystem-watch-service
        ");
        insta::assert_snapshot!(render(false), @r"
        puppetlabs.services.ca.certificate-authority-disabled-service/certificate-authority-disabled-service
        puppetlabs.trapperkeeper.services.watcher.filesystem-watch-service/filesystem-watch-service
        ");
    }
}
