// Owns: what src/web/qr.js draws is what a scanner (zbarimg of zbar-tools) reads, for every version.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encode } from '../../src/web/qr.js';

/** The most bytes that versions 1 to 10 hold at level M (ISO/IEC 18004 table 7). */
const capacities = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213];

const has = (command) => {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

test('every version is as large as it has to be', () => {
  capacities.forEach((bytes, index) => {
    assert.equal(encode('x'.repeat(bytes)).length, 21 + 4 * index, `${bytes} bytes`);
  });
  assert.throws(() => encode('x'.repeat(214)), RangeError);
  assert.throws(() => encode('鈴'.repeat(72)), RangeError, 'bytes count, not characters');
});

test('a module is dark or light', () => {
  for (const bytes of capacities) assert.ok(encode('a'.repeat(bytes)).flat().every((module) => typeof module === 'boolean'));
});

test('a scanner reads what was written', { skip: !has('zbarimg') && 'needs zbarimg' }, () => {
  const links = capacities.flatMap((bytes) => [bytes, Math.floor(bytes * 0.8)].map((length) => filler(length)));
  const texts = [...links, 'a', 'https://box.local:3000/?room=home', 'https://box/?room=台所&name=鈴', '{"a":[1,2,"<b>&amp;"]}', '0'.repeat(40)];
  for (const text of texts) assert.equal(scan(encode(text)), text);
});

/** Text of that many bytes which does not repeat itself. */
function filler(length) {
  const start = 'https://box.local:3000/?room=';
  const rest = Array.from({ length }, (_, i) => 'abcdefghijklmnopqrstuvwxyz0123456789-_.~'[(i * i * 7 + i * 3 + length) % 40]);
  return (start + rest.join('')).slice(0, length);
}

/** Through a picture file in the simplest format there is (PBM), 4 dots to a module. */
function scan(rows) {
  const margin = 4;
  const scale = 4;
  const size = rows.length + 2 * margin;
  const at = (x, y) => (rows[Math.floor(y / scale) - margin]?.[Math.floor(x / scale) - margin] ? 1 : 0);
  const dots = Array.from({ length: size * scale }, (_, y) => Array.from({ length: size * scale }, (_, x) => at(x, y)).join(' '));
  const folder = mkdtempSync(join(tmpdir(), 'suzu-qr-'));
  try {
    const file = join(folder, 'code.pbm');
    writeFileSync(file, `P1\n${size * scale} ${size * scale}\n${dots.join('\n')}\n`);
    return execFileSync('zbarimg', ['--raw', '-q', '-Sdisable', '-Sqrcode.enable', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).replace(/\n$/, '');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
