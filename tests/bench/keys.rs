//! `keys ALGORITHM COUNT`: makes private keys on all cores, as the operator makes them, and prints the seconds that it
//! took. The bare cost that `certificates.py` compares with.

use openvox_puppet::{KeyAlgorithm, PrivateKey};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["rsa-4096", count] => Some((KeyAlgorithm::Rsa4096, *count)),
        ["ecdsa-p256", count] => Some((KeyAlgorithm::EcdsaP256, *count)),
        _ => None,
    };
    let Some((algorithm, Ok(count))) = wanted.map(|(algorithm, count)| (algorithm, count.parse::<usize>())) else {
        eprintln!("expected: keys rsa-4096|ecdsa-p256 COUNT, not {}", arguments.join(" "));
        std::process::exit(2);
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let begun = AtomicUsize::new(0);
    let start = Instant::now();
    let failure = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    while begun.fetch_add(1, Ordering::Relaxed) < count {
                        PrivateKey::generate(algorithm).map_err(|error| error.to_string())?;
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        makers.into_iter().find_map(|maker| maker.join().map_or_else(|_| Some("a thread panicked".to_owned()), Result::err))
    });
    if let Some(failure) = failure {
        eprintln!("{failure}");
        std::process::exit(1);
    }
    println!("{:.3}", start.elapsed().as_secs_f64());
}
