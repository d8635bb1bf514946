// Owns: everything is said in both languages, with the same blanks, and nothing that the pages ask for is missing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { words } from '../../src/web/i18n.js';

const read = (name) => readFileSync(new URL(`../../src/web/${name}`, import.meta.url), 'utf8');
const blanks = (text) => [...text.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort();

test('both languages say the same', () => {
  assert.deepEqual(Object.keys(words.ja).sort(), Object.keys(words.en).sort());
  for (const key of Object.keys(words.en)) {
    assert.ok(words.en[key] && words.ja[key], key);
    assert.deepEqual(blanks(words.ja[key]), blanks(words.en[key]), key);
  }
});

test('no word is there twice', () => {
  const keys = [...read('i18n.js').matchAll(/(?:^ {4}|, )'?([\w-]+)'?: '/gm)].map(([, key]) => key);
  assert.equal(keys.length, 2 * Object.keys(words.en).length);
});

test('every word that a file asks for is there', () => {
  const files = ['index.html', 'intercom.js', 'stations.js', 'call-view.js', 'panels.js', 'devices.js', 'diagnostics.html', 'diagnostics.js'];
  for (const file of files) {
    const asked = [...read(file).matchAll(/\bt\('([\w-]+)'|found\('\w+', '(\w+)'|data-t(?:-label|-hint)?="([\w-]+)"/g)].map((match) => match[1] ?? match[2] ?? match[3]);
    assert.ok(asked.length > 0, file);
    for (const key of asked) assert.ok(key in words.en, `${file}: ${key}`);
  }
});

test('no inline script, style or handler, which the policy forbids', () => {
  for (const file of ['index.html', 'diagnostics.html']) {
    assert.doesNotMatch(read(file), /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:\/\//i, file);
  }
});
