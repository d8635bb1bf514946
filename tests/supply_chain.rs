//! What is linked in, and what runs where it is built, held against deny.toml. `cross/audit` asks cargo-deny and cargo-audit the same and more, which take minutes
//! to get; this reads what cargo knows of the crates in Cargo.lock.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What deny.toml says: the items of each list.
#[derive(Clone)]
struct Rules(BTreeMap<String, Vec<String>>);

impl Rules {
    fn read() -> Self {
        let (mut lists, mut open) = (BTreeMap::<_, Vec<_>>::new(), None);
        for line in read("deny.toml").lines() {
            if let Some(key) = line.strip_suffix(" = [") {
                open = Some(key.to_owned());
            } else if line == "]" {
                open = None;
            } else if let Some(key) = &open {
                lists.entry(key.clone()).or_default().push(line.trim().trim_end_matches(',').to_owned());
            }
        }
        Self(lists)
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.get(key).unwrap_or_else(|| panic!("no {key} in deny.toml")).iter().map(String::as_str)
    }

    /// The items that are nothing but a text.
    fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).map(|item| item.trim_matches('"')).collect()
    }
}

/// A text in an item that is a table.
fn field<'a>(item: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = item.split_once(&format!("{key} = "))?;
    rest.split('"').nth(1)
}

/// A crate, and how it gets here.
struct Crate {
    name: String,
    version: String,
    license: String,
    source: String,
    has_build_script: bool,
    /// Whether it is in the program or in what makes it, and not for tests only.
    is_shipped: bool,
    wanted_by: BTreeSet<String>,
}

fn cargo(command: &str, args: &[&str]) -> Vec<u8> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--locked", "--all-features"]).args(args);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `name version` of all that is compiled for the targets of deny.toml, along such edges.
fn tree(rules: &Rules, edges: &str) -> BTreeSet<String> {
    let mut args = vec!["--prefix", "none", "--format", "{p}", "--edges", edges];
    args.extend(rules.texts("targets").into_iter().flat_map(|target| ["--target", target]));
    let text = String::from_utf8(cargo("tree", &args)).unwrap();
    let name = |line: &str| {
        Some(line.split_once(" v")?.0.to_owned() + " " + line.split([' ', '(']).nth(1)?.get(1..)?)
    };
    text.lines().filter_map(name).collect()
}

/// All that cargo compiles for the targets of deny.toml. Its metadata has more crates in it: features that nobody asks for.
fn crates(rules: &Rules) -> Vec<Crate> {
    let (all, shipped) = (tree(rules, "all"), tree(rules, "normal,build"));
    let mut args = vec!["--format-version", "1"];
    args.extend(rules.texts("targets").into_iter().flat_map(|target| ["--filter-platform", target]));
    let metadata: Value = serde_json::from_slice(&cargo("metadata", &args)).unwrap();
    let array = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = array(&metadata["packages"]);
    let names: BTreeMap<_, _> =
        packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let nodes = array(&metadata["resolve"]["nodes"]);
    let wanted_by = |id: &Value| {
        let wants = |node: &&Value| array(&node["deps"]).iter().any(|dep| dep["pkg"] == *id);
        nodes.iter().filter(wants).map(|node| names[&text(&node["id"])].clone()).collect()
    };
    let is_script = |target: &Value| array(&target["kind"]).contains(&"custom-build".into());
    let full_name = |package: &Value| format!("{} {}", text(&package["name"]), text(&package["version"]));
    let of = |package: &Value| Crate {
        name: text(&package["name"]),
        version: text(&package["version"]),
        license: text(&package["license"]),
        source: text(&package["source"]),
        has_build_script: array(&package["targets"]).iter().any(is_script),
        is_shipped: shipped.contains(&full_name(package)),
        wanted_by: wanted_by(&package["id"]),
    };
    let found: Vec<_> = packages.iter().filter(|package| all.contains(&full_name(package))).map(of).collect();
    assert_eq!(found.len(), all.len(), "cargo's tree and its metadata have the same crates");
    found
}

/// Whether an SPDX expression can be met with these licences. An old `/` is an OR.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut words = &words[..];
    let result = any_of(&mut words, allowed);
    result && words.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut result = all_of(words, allowed);
    while let Some(("OR", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        result |= all_of(words, allowed);
    }
    result
}

fn all_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut result = one_of(words, allowed);
    while let Some(("AND", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        result &= one_of(words, allowed);
    }
    result
}

fn one_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let Some((word, rest)) = words.split_first() else { return false };
    *words = rest;
    if *word == "(" {
        let result = any_of(words, allowed);
        *words = words.strip_prefix(&[")"]).unwrap_or(&["unclosed"]);
        return result;
    }
    // A licence with an exception is another one.
    if let ["WITH", exception, rest @ ..] = *words {
        *words = rest;
        return allowed.contains(&format!("{word} WITH {exception}").as_str());
    }
    allowed.contains(word)
}

/// What is against the rules, a line each.
fn complaints(crates: &[Crate], rules: &Rules) -> Vec<String> {
    let (licenses, scripts) = (rules.texts("allow"), rules.texts("allow-build-scripts"));
    let mut found = Vec::new();
    let mut complain = |one: &Crate, what: &str| found.push(format!("{} {}: {what}", one.name, one.version));
    let mut seen = BTreeMap::<&str, &str>::new();
    for one in crates {
        let is_ours = one.name == "suzu";
        if !is_allowed(&one.license, &licenses) {
            complain(one, &format!("the licence {:?}", one.license));
        }
        if !is_ours && one.source != REGISTRY {
            complain(one, &format!("the source {:?}", one.source));
        }
        if one.has_build_script && !scripts.contains(&one.name.as_str()) {
            complain(one, "a build script");
        }
        let is_second = |item: &&str| {
            let version = field(item, "version").unwrap();
            field(item, "name") == Some(&*one.name) && one.version.starts_with(&format!("{version}."))
        };
        if one.is_shipped
            && !rules.list("skip").any(|item| is_second(&item))
            && let Some(other) = seen.insert(&one.name, &one.version)
        {
            complain(one, &format!("{other} is there, too"));
        }
        for item in rules.list("deny").filter(|item| field(item, "name") == Some(&*one.name)) {
            let wrapper = field(item, "wrappers");
            if one.wanted_by.iter().any(|by| Some(&**by) != wrapper) {
                complain(one, field(item, "reason").unwrap());
            }
        }
    }
    let unused =
        scripts.iter().filter(|name| !crates.iter().any(|one| one.has_build_script && one.name == **name));
    found.extend(unused.map(|name| format!("{name}: has no build script any more")));
    found
}

#[test]
fn no_crate_is_against_the_rules() {
    let rules = Rules::read();
    let crates = crates(&rules);
    assert!(crates.iter().any(|one| one.name == "rustls" && one.is_shipped), "all features are looked at");
    assert!(crates.iter().any(|one| one.name == "divan" && !one.is_shipped), "what is for tests is, too");
    let wrong = complaints(&crates, &rules);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whatever_is_against_a_rule_is_found() {
    let rules = Rules::read();
    let crates = crates(&rules);
    // Each list without what it allows, or with something that is there.
    for (key, without, with, expected) in [
        ("allow", "\"ISC\"", "", ": the licence \"ISC\""),
        ("allow-build-scripts", "\"ring\"", "", ": a build script"),
        ("skip", "getrandom", "", " is there, too"),
        ("deny", "", "{ name = \"mio\", reason = \"for a test\" }", ": for a test"),
        ("deny", "clap", "{ name = \"clap\", reason = \"for a test\" }", ": for a test"),
        ("allow-build-scripts", "", "\"mio\"", "mio: has no build script any more"),
    ] {
        let mut changed = rules.clone();
        let list = changed.0.get_mut(key).unwrap();
        list.retain(|item| without.is_empty() || !item.contains(without));
        list.extend((!with.is_empty()).then(|| with.to_owned()));
        let found = complaints(&crates, &changed);
        assert!(found.iter().any(|line| line.ends_with(expected)), "{key}, {without} {with}: {found:?}");
    }
}

#[test]
fn licences_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "Apache-2.0", "ISC"];
    for (expression, is) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("MIT/GPL-2.0", true),
        ("MIT AND GPL-2.0-only", false),
        ("ISC OR GPL-2.0-only AND MIT", true),
        ("(ISC OR GPL-2.0-only) AND BSD-2-Clause", false),
        ("(MIT OR Apache-2.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("(MIT", false),
        ("MIT ISC", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), is, "{expression}");
    }
}

#[test]
fn the_rules_are_for_all_boards() {
    let common = read("cross/common");
    let (_, boards) = common.split_once("\ntargets=(\n").unwrap();
    let rules = Rules::read();
    for board in boards.split(')').next().unwrap().split_whitespace() {
        assert!(rules.texts("targets").contains(&board), "deny.toml does not know {board}");
    }
}
