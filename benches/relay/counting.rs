//! suzu in this very program, so that its allocations can be counted: the shipped binary has no counter in it.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, io::stdin, thread};
use suzu::{
    config::args::{self, Command},
    net::address::Address,
    server::Server,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Serves until it is killed, and answers each line of its standard input by what it has allocated so far.
pub(crate) fn run(words: &[String]) -> ! {
    let Ok(Command::Run(config)) = args::parse(words.iter().map(Into::into)) else {
        panic!("these words do not start a server: {words:?}");
    };
    let no_reload = Box::new(|| Err("a benchmark is not reloaded".to_owned()));
    let server = Server::bind(&config, Vec::new(), no_reload).unwrap();
    let addresses = server.local_addresses().unwrap();
    let address = addresses.iter().find_map(|(_, address)| match address {
        Address::Ip(address) => Some(address),
        _ => None,
    });
    println!("listening on http://{}", address.unwrap());
    thread::spawn(|| {
        for _ in stdin().lines() {
            let stats = ALLOCATOR.stats();
            println!("allocated {} {}", stats.allocations + stats.reallocations, stats.bytes_allocated);
        }
    });
    let result = server.run();
    panic!("the server has ended: {result:?}");
}
