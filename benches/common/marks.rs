//! Parts of documents that benchmarks fill in: each between a line `<!-- bench ID -->` and the next `<!-- end -->`.

/// The text with this in such a part; as it is if it has none.
pub(crate) fn filled(text: &str, id: &str, part: &str) -> String {
    let begin = format!("<!-- bench {id} -->\n");
    let Some((before, rest)) = text.split_once(&begin) else { return text.to_owned() };
    let (_, after) = rest.split_once("<!-- end -->").expect("a part without its end");
    format!("{before}{begin}\n{part}\n<!-- end -->{after}")
}
