use super::*;
use crate::ca_setup::fixture::OldCa;
use std::fs;

const SUBJECT: &str = "/CN=Puppet CA: puppet.example.net";

/// What the import of a CA with this serial file says of it, and the number that Puppet Server goes on with.
fn import(serial: &str) -> (String, Serial) {
    let ca = OldCa::new(SUBJECT);
    ca.put("serial", serial);
    let (_, steps) = ca.import().unwrap();
    let said = steps.into_iter().filter(|step| step.contains(" serial: ")).collect();
    let next = ca.read("serial");
    assert!(next.ends_with('\n') && next.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()), "{next:?}");
    (said, next.parse().unwrap())
}

#[test]
fn a_serial_number_that_puppet_server_reads_is_counted_on() {
    for good in ["0010\n", "0010\r\n", "0010"] {
        assert_eq!(import(good), (String::new(), Serial::from(0x12)), "{good:?}");
    }
    // Two certificates are issued by the import itself.
    assert_eq!(import("5F1C2A9E\n").1, Serial::from(0x5F1C_2AA0));
}

#[test]
fn a_serial_number_in_another_form_is_rewritten() {
    let (said, next) = import("0x0010\n");
    assert_eq!(next, Serial::from(0x12));
    assert_eq!(said, "would rewrite serial: in the form that Puppet Server reads");
}

#[test]
fn a_serial_number_beyond_the_counter_of_puppet_server_is_replaced_by_one_that_no_certificate_has() {
    for beyond in ["5F1C2A9E0B7D4433AA10C0FFEE00112233445566\n", "0123456789ABCDEF", "1000000A1", "7FFFFFFF", "7FFFFFFE"] {
        let (said, next) = import(beyond);
        assert!(said.contains(&format!("{:0>4} is too high a number for Puppet Server", beyond.trim().trim_start_matches('0'))), "{said}");
        assert!(next > Serial::from(0x10_0000) && inventory::has_room(&next), "{next}");
    }
}

#[test]
fn a_serial_number_that_is_behind_the_certificates_is_raised() {
    let (said, next) = import("0003\n");
    assert_eq!(said, "would rewrite serial: 0003 is not higher than all numbers in use, it becomes 0005");
    assert_eq!(next, Serial::from(7));
}

#[test]
fn a_serial_file_without_one_number_is_refused() {
    for bad in ["", "0010\n0011\n", "-1\n", "+10\n", "ten\n"] {
        let ca = OldCa::new(SUBJECT);
        ca.put("serial", bad);
        let refused = ca.refused();
        assert!(refused.contains("failed to check serial of the existing CA: failed to read the serial number"), "{refused}");
    }
}

#[test]
fn an_inventory_of_any_age_is_brought_into_the_form_of_puppet_server() {
    let good = "0x0004 2024-01-02T00:00:00UTC 2029-01-01T00:00:00UTC /CN=web01.example.net\n";
    let ca = OldCa::new(SUBJECT);
    let mut text =
        b"# Inventory\n\n0x0002 2015-11-30T17:07:23+00:00 2030-11-29T17:07:23+00:00 /CN=b\xfcro\nfeed me\n0x0042 2024-\n".to_vec();
    text.extend(good.trim_end().bytes());
    ca.put("inventory.txt", text);
    let (_, steps) = ca.import().unwrap();
    let inventory = ca.read("inventory.txt");
    let expected = format!("0x0002 2015-11-30T17:07:23UTC 2030-11-29T17:07:23UTC /CN=büro\n{good}0x0043 ");
    assert!(inventory.starts_with(&expected), "{inventory}");
    assert_eq!(inventory.lines().count(), 4);
    assert_eq!(ca.read("inventory.left-out.txt"), "feed me\n0x0042 2024-\n");
    let said = "would rewrite inventory.txt: 1 records in the form that Puppet Server reads; \
                2 lines that are no records are kept in inventory.left-out.txt";
    assert!(steps.iter().any(|step| step == said), "{steps:#?}");
}

#[test]
fn a_second_run_rewrites_nothing() {
    let ca = OldCa::new(SUBJECT);
    ca.put("serial", "0x0010\n");
    ca.put("inventory.txt", "0x0002 2015-11-30T17:07:23+00:00 2030-11-29T17:07:23+00:00 /CN=a\n");
    let (secrets, _) = ca.import().unwrap();
    let before = (ca.read("serial"), ca.read("inventory.txt"), fs::read_dir(ca.path()).unwrap().count());
    let (_, steps) =
        crate::ca_setup::prepare::run(&ca.goal(), &crate::ca_setup::fixture::stored(&secrets), crate::ca_setup::fixture::now()).unwrap();
    assert!(!steps.iter().any(|step| matches!(step, Step::Rewrite { .. } | Step::Add(_) | Step::Issue { .. })), "{steps:#?}");
    assert_eq!((ca.read("serial"), ca.read("inventory.txt"), fs::read_dir(ca.path()).unwrap().count()), before);
}
