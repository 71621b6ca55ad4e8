//! Fewer bytes, and so a smaller module, that still fail.

/// Comparisons that shrinking may cost.
const MAX_ATTEMPTS: usize = 400;

/// Cuts ever smaller pieces out of `bytes`, then clears what is left byte by byte, as long as
/// `fails` holds.
pub fn shrink(bytes: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut best = bytes.to_vec();
    let mut attempts = 0;
    let mut piece = best.len() / 2;
    while piece > 0 && attempts < MAX_ATTEMPTS {
        let mut at = 0;
        while at < best.len() && attempts < MAX_ATTEMPTS {
            let mut candidate = best.clone();
            candidate.drain(at..(at + piece).min(best.len()));
            attempts += 1;
            if fails(&candidate) {
                best = candidate;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    for at in 0..best.len() {
        if attempts == MAX_ATTEMPTS {
            break;
        }
        if best[at] != 0 {
            let mut candidate = best.clone();
            candidate[at] = 0;
            attempts += 1;
            if fails(&candidate) {
                best = candidate;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_stays() {
        let bytes: Vec<u8> = (0..200).collect();
        let fails = |bytes: &[u8]| bytes.contains(&17) && bytes.contains(&101);
        assert_eq!(shrink(&bytes, fails), [17, 101]);
    }
}
