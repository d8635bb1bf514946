//! suzu as a service of a real systemd, in a machine of its own: `tests/machine/checks` is what happens there, and says how it went over the
//! machine's second serial port.

// Once is enough, and the build for routers is not for machines with systemd.
#![cfg(all(feature = "tls", target_arch = "x86_64"))]
mod common;

use common::machine::AMD64;
use std::path::Path;

/// What is checked there, in this order.
const CHECKS: [&str; 29] = [
    "systemd_is_new_enough",
    "the_readme_installs_it",
    "verify_has_no_complaint",
    "exposure_is_low",
    "it_listens_by_itself",
    "its_user_is_nobody_else",
    "it_is_locked_in",
    "status_says_who_is_there",
    "memory_is_bounded_by_the_ceiling",
    "only_root_may_administer",
    "the_journal_has_priorities_and_fields",
    "the_signaling_log_has_a_place",
    "reload_takes_effect",
    "reload_of_a_bad_file_changes_nothing",
    "the_watchdog_is_fed_when_nobody_is_there",
    "the_watchdog_restarts_a_hung_suzu",
    "a_crash_costs_no_certificate",
    "a_mended_file_is_found_by_itself",
    "secrets_need_not_be_there_and_are_taken",
    "names_are_looked_up",
    "stop_is_clean",
    "the_socket_waits_alone",
    "the_first_client_starts_it",
    "all_three_sockets_are_served",
    "a_restart_refuses_nobody",
    "the_example_drop_in_works",
    "the_drop_in_for_older_systemd_works",
    "resolved_advertises_it",
    "avahi_advertises_it",
];

#[test]
fn the_units_do_what_they_say_under_a_real_systemd() {
    if !AMD64.is_there() {
        return;
    }
    let Some(base) = AMD64.made_by("base") else { return };
    AMD64.with(512, &base, Path::new(env!("CARGO_BIN_EXE_suzu"))).checks(&CHECKS);
}
