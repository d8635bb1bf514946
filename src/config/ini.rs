//! How values are written in Ayame's files: by the rules of its INI library (gopkg.in/ini.v1), so that a file means the same to both.
//! Settings that only suzu has are not read like this: a secret may have a `#` in it.

/// Reads what stands behind the `=` or `:`. A comment begins at any `#` or `;`, quotes around the value are left out, between backquotes or
/// `"""` everything counts, and a `\` at the end of the line goes on with what comes from `more`, the lines after it.
///
/// # Errors
/// What is wrong with how it is written.
pub(super) fn value<'a>(text: &str, more: &mut impl Iterator<Item = &'a str>) -> Result<String, String> {
    let text = text.trim();
    for quote in ["\"\"\"", "`"] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (inside, _) =
                rest.rsplit_once(quote).ok_or_else(|| format!("the {quote} is not closed on its line"))?;
            return Ok(inside.to_owned());
        }
    }
    let text = if let Some(begin) = text.strip_suffix('\\') {
        continued(begin, more)
    } else {
        let without_comment = text.split(['#', ';']).next().unwrap_or_default().trim_end();
        unquoted(without_comment).to_owned()
    };
    match text.split_once("%(") {
        Some((_, rest)) if rest.contains(")s") => {
            Err("%(KEY)s is not looked up here; write the value of that key itself".to_owned())
        }
        _ => Ok(text),
    }
}

/// The value as it has to be written so that [`value`] reads the same.
pub(super) fn quoted(plain: &str) -> String {
    let is_read_as_it_is = value(plain, &mut std::iter::empty()).is_ok_and(|read| read == plain);
    if is_read_as_it_is { plain.to_owned() } else { format!("`{plain}`") }
}

fn continued<'a>(begin: &str, more: &mut impl Iterator<Item = &'a str>) -> String {
    let mut text = begin.to_owned();
    for line in more.map(str::trim) {
        let Some(part) = line.strip_suffix('\\') else {
            text.push_str(line);
            break;
        };
        text.push_str(part);
    }
    text
}

/// Leaves out quotes around the whole, but not if there are more of them within.
fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| {
            let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
            (!inside.contains(quote)).then_some(inside)
        })
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let mut lines = text.split('\n');
        value(lines.next().unwrap(), &mut lines)
    }

    /// Each was read by gopkg.in/ini.v1 v1.67.0, which Ayame uses, with the same result.
    #[test]
    fn values_are_read_as_by_ayame() {
        for (text, expected) in [
            (" /var/log ", "/var/log"),
            ("", ""),
            ("true # why", "true"),
            ("true#why", "true"),
            ("3000;", "3000"),
            ("# nothing", ""),
            ("a # it's", "a"),
            ("\\#a", "\\"),
            ("a:b=c", "a:b=c"),
            ("\"a b\"", "a b"),
            ("\" a \"", " a "),
            ("'a'", "a"),
            ("\"\"", ""),
            ("\"a\" # why", "a"),
            ("'a#b'", "'a"),
            ("\"a", "\"a"),
            ("\"a\"b\"", "\"a\"b\""),
            ("\"`a`\"", "`a`"),
            ("`a#b` # why", "a#b"),
            ("``", ""),
            ("`a` `b`", "a` `b"),
            ("\"\"\"a;b\"\"\" x", "a;b"),
            ("a\\\nb", "ab"),
            ("a \\\n  b\\\nc", "a bc"),
            ("a\\\n\nb", "a"),
            ("a\\", "a"),
            ("a\\ # why", "a\\"),
            ("%(nowhere", "%(nowhere"),
            ("\u{3000}a\u{3000}", "a"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_would_be_read_otherwise_is_refused() {
        for (text, wrong) in [
            ("`a", "the ` is not closed on its line"),
            ("`a\nb`", "the ` is not closed on its line"),
            ("\"\"\"a", "the \"\"\" is not closed on its line"),
            ("%(log_dir)s/a", "%(KEY)s is not looked up here; write the value of that key itself"),
        ] {
            assert_eq!(read(text).unwrap_err(), wrong, "{text:?}");
        }
    }

    #[test]
    fn what_is_quoted_is_read_as_it_was() {
        for plain in ["a", "", "a b", "http://h/a;b", "#", " a", "\"a\"", "a\\", "`a", "a`b#", "%(a)s"] {
            assert_eq!(read(&quoted(plain)).as_deref(), Ok(plain), "{plain:?}");
        }
        assert_eq!(quoted("http://h/a?b=c"), "http://h/a?b=c");
    }
}
