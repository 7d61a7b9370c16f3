//! `puppetdb.conf`.

use super::error::RenderError;
use super::ini::Ini;
use openvox_crds::ConfigSpec;

/// The text of `puppetdb.conf`.
///
/// The URL of a Database wins over `spec.puppetdb.serverUrls`. While a Database has no URL yet the line is left out.
///
/// # Errors
/// When a URL does not fit on a line.
pub fn render(config: &ConfigSpec, database_url: Option<&str>) -> Result<String, RenderError> {
    let mut ini = Ini::default();
    let main = ini.section("main");
    let listed = || config.puppetdb.as_ref().map(|puppetdb| puppetdb.server_urls.join(",")).unwrap_or_default();
    let (field, urls) = match &config.database_ref {
        Some(_) => ("status.url of the Database", database_url.unwrap_or_default().to_owned()),
        None => ("spec.puppetdb.serverUrls", listed()),
    };
    if !urls.is_empty() {
        main.set(field, "server_urls", &urls)?;
    }
    // A PuppetDB that does not answer must not stop agents from getting their catalogs.
    main.set("puppetdb.conf", "soft_write_failure", "true")?;
    Ok(ini.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::PuppetDbSpec;

    fn config(database: Option<&str>) -> ConfigSpec {
        ConfigSpec {
            database_ref: database.map(str::to_owned),
            puppetdb: Some(PuppetDbSpec { server_urls: vec!["https://a:8081".into(), "https://b:8081".into()] }),
            ..ConfigSpec::default()
        }
    }

    #[test]
    fn listed_urls_are_joined_by_commas() {
        insta::assert_snapshot!(render(&config(None), None).unwrap(), @r"
        [main]
        server_urls = https://a:8081,https://b:8081
        soft_write_failure = true
        ");
    }

    #[test]
    fn the_url_of_a_database_wins_and_its_absence_does_not_fall_back_to_the_list() {
        let text = render(&config(Some("db")), Some("https://db.ns.svc:8081")).unwrap();
        assert!(text.contains("server_urls = https://db.ns.svc:8081\n"), "{text}");
        let text = render(&config(Some("db")), None).unwrap();
        assert!(!text.contains("server_urls"), "{text}");
    }
}
