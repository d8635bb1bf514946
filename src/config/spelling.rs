//! What was probably meant.

/// The one of these keys that was probably meant.
pub(super) fn nearest(key: &str, keys: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    let distances = keys.map(|known| (edit_distance(&key, known), known));
    distances.min().filter(|(distance, key)| *distance <= 2.max(key.len() / 4)).map(|(_, key)| key)
}

/// How many letters must be changed, added or left out (Levenshtein's distance).
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (right, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(left != right);
            diagonal = *cell;
            *cell = changed.min(*cell + 1).min(before + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let nearest = |key| nearest(key, ["listen", "max_clients", "max_rooms"].into_iter());
        assert_eq!(nearest("max_client"), Some("max_clients"));
        assert_eq!(nearest("Listn"), Some("listen"));
        assert_eq!(nearest("quantum_flux"), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
