// Owns: the protocol of src/web/ringing.js, played by several of its state machines on a network that delivers in order
// between any two of them, as the server does, and otherwise in whatever order a seed says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ringing } from '../../src/web/ringing.js';

class Town {
  time = 0;
  #ids = 0;
  stations = new Map();
  wires = new Map();

  constructor(...names) {
    for (const name of names) this.add(name);
  }

  add(name, options = {}) {
    const effects = [];
    const emit = (effect) => (effect.do === 'send' ? this.#post(name, effect.to, effect.data) : effects.push(effect));
    const newId = () => `id-${String((this.#ids += 1)).padStart(3, '0')}`;
    const machine = new Ringing({ emit, newId, now: () => this.time, ...options });
    machine.me = name;
    this.stations.set(name, Object.assign(machine, { effects }));
    this[name] = machine;
  }

  #post(from, to, data) {
    const wire = `${from} ${to}`;
    if (!this.wires.has(wire)) this.wires.set(wire, []);
    this.wires.get(wire).push(structuredClone(data));
  }

  /** Delivers one message; `pick` chooses among the wires that have some. */
  deliver(pick = () => 0) {
    const busy = [...this.wires].filter(([, queue]) => queue.length > 0);
    if (busy.length === 0) return false;
    const [wire, queue] = busy[pick(busy.length)];
    const [from, to] = wire.split(' ');
    const data = queue.shift();
    this.stations.get(to)?.receive(from, data);
    return true;
  }

  settle(pick) {
    for (let count = 0; this.deliver(pick); count += 1) assert.ok(count < 10_000, 'they never stop talking');
  }

  later(ms) {
    this.time += ms;
    for (const machine of this.stations.values()) machine.tick();
  }
}

const phases = (town) => Object.fromEntries([...town.stations].map(([name, { phase }]) => [name, phase]));
const members = (machine) => [...(machine.call?.members.keys() ?? [])].sort();
const told = (machine, kind) => machine.effects.filter((effect) => effect.do === kind).map(({ do: _, ...rest }) => rest);

/** Two in a call, a having rung b. */
function inCall(town, a, b) {
  town[a].ring(b);
  town.settle();
  town[b].answer();
  town.settle();
}

test('ring, answer, hang up', () => {
  for (const leaver of ['ann', 'bob']) {
    const town = new Town('ann', 'bob');
    town.ann.ring('bob', 'audio');
    assert.equal(town.ann.phase, 'calling');
    town.settle();
    assert.equal(town.bob.phase, 'ringing');
    assert.equal(town.bob.incoming.media, 'audio');
    assert.ok(town.ann.outgoing.get('bob').rings, 'ann knows that it rings');
    town.bob.answer();
    town.settle();
    assert.deepEqual([members(town.ann), members(town.bob)], [['bob'], ['ann']]);
    assert.equal(town.ann.call.id, town.bob.call.id);
    town[leaver].hangUp();
    town.settle();
    assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
    assert.deepEqual([...told(town.ann, 'missed'), ...told(town.bob, 'missed')], []);
  }
});

test('decline, cancel, busy, do not disturb', () => {
  const town = new Town('ann', 'bob', 'cat');
  town.add('dan', { policy: () => 'dnd' });
  town.ann.ring('bob');
  town.settle();
  town.bob.decline();
  town.settle();
  assert.deepEqual(told(town.ann, 'notice'), [{ about: 'bob', what: 'declined' }]);
  assert.deepEqual(told(town.bob, 'missed'), [], 'who declines knows about it');

  town.ann.ring('bob');
  town.settle();
  town.ann.hangUp();
  town.settle();
  assert.deepEqual(told(town.bob, 'missed'), [{ from: 'ann', why: 'cancelled' }]);

  inCall(town, 'ann', 'bob');
  town.cat.ring('bob');
  town.cat.ring('ann');
  town.settle();
  assert.deepEqual(told(town.cat, 'notice'), [{ about: 'bob', what: 'busy' }], 'one at a time');
  assert.deepEqual(told(town.bob, 'missed').at(-1), { from: 'cat', why: 'busy' });
  assert.equal(town.cat.phase, 'idle');

  town.cat.ring('dan');
  town.settle();
  assert.deepEqual(told(town.cat, 'notice').at(-1), { about: 'dan', what: 'dnd' });
  assert.deepEqual(phases(town), { ann: 'in-call', bob: 'in-call', cat: 'idle', dan: 'idle' });
});

test('no answer after 30 seconds, and not a moment before', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.settle();
  assert.equal(town.ann.nextAt, 30_000);
  town.later(29_999);
  town.settle();
  assert.deepEqual(phases(town), { ann: 'calling', bob: 'ringing' });
  town.later(1);
  town.settle();
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
  assert.deepEqual(told(town.ann, 'notice'), [{ about: 'bob', what: 'no-answer' }]);
  assert.deepEqual(told(town.bob, 'missed'), [{ from: 'ann', why: 'no-answer' }]);
  assert.equal(town.ann.nextAt, Infinity);
});

test('a caller that falls silent is given up', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.settle();
  town.stations.delete('ann');
  town.later(35_000);
  assert.equal(town.bob.phase, 'idle');
  assert.deepEqual(told(town.bob, 'missed'), [{ from: 'ann', why: 'no-answer' }]);
});

test('a peer that vanishes while ringing', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.settle();
  town.bob.gone('ann');
  town.ann.gone('bob');
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
  assert.deepEqual(told(town.bob, 'missed'), [{ from: 'ann', why: 'gone' }]);
  assert.deepEqual(told(town.ann, 'notice'), [{ about: 'bob', what: 'gone' }]);
});

test('a seat that ends does not end the call, its media do', () => {
  const town = new Town('ann', 'bob');
  inCall(town, 'ann', 'bob');
  town.ann.gone('bob');
  assert.equal(town.ann.phase, 'in-call');
  town.ann.lost('bob');
  assert.equal(town.ann.phase, 'idle');
  assert.deepEqual(told(town.ann, 'leave'), [{ peer: 'bob' }]);
});

test('a member that comes back under another id stays in the call', () => {
  const town = new Town('ann', 'bob', 'eve');
  inCall(town, 'ann', 'bob');
  town.ann.moved('bob', 'eve');
  assert.deepEqual(members(town.ann), ['eve']);
  town.ann.moved('nobody', 'bob');
  town.ann.receive('eve', { suzu: 'leave', call: town.ann.call.id });
  assert.equal(town.ann.phase, 'idle');
});

test('no media within 20 seconds', () => {
  const town = new Town('ann', 'bob');
  inCall(town, 'ann', 'bob');
  town.bob.joined('ann');
  assert.equal(town.bob.nextAt, Infinity);
  town.later(20_000);
  town.settle();
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
  assert.deepEqual(told(town.ann, 'notice'), [{ about: 'bob', what: 'failed' }]);
});

test('glare: exactly one call, whatever arrives first', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const town = new Town('ann', 'bob');
    town.ann.ring('bob');
    town.bob.ring('ann');
    town.settle(random(seed));
    assert.deepEqual(phases(town), { ann: 'in-call', bob: 'in-call' });
    assert.equal(town.ann.call.id, town.bob.call.id);
    assert.deepEqual([...told(town.ann, 'missed'), ...told(town.bob, 'missed')], []);
    town.bob.hangUp();
    town.settle();
    assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
  }
});

test('glare that one of them takes back leaves nobody in a call alone', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.bob.ring('ann');
  town.ann.hangUp();
  town.settle();
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
});

test('an answer that crosses a cancel', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.settle();
  town.bob.answer();
  town.ann.hangUp();
  town.settle();
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
});

test('auto-answer', () => {
  const town = new Town('ann');
  town.add('bob', { policy: () => 'answer' });
  town.ann.ring('bob');
  town.settle();
  assert.deepEqual(phases(town), { ann: 'in-call', bob: 'in-call' });
  assert.deepEqual(told(town.bob, 'answered'), [{ from: 'ann', auto: true }]);
});

test('whoever rings while rung by the same peer has answered', () => {
  const town = new Town('ann', 'bob');
  town.ann.ring('bob');
  town.settle();
  town.bob.ring('ann');
  town.settle();
  assert.deepEqual(phases(town), { ann: 'in-call', bob: 'in-call' });
});

test('a group of four, and no fifth', () => {
  const town = new Town('ann', 'bob', 'cat', 'dan', 'eve');
  inCall(town, 'ann', 'bob');
  inCall(town, 'bob', 'cat');
  inCall(town, 'ann', 'dan');
  const all = ['ann', 'bob', 'cat', 'dan'];
  for (const name of all) assert.deepEqual(members(town[name]), all.filter((other) => other !== name), name);
  town.ann.ring('eve');
  assert.deepEqual(told(town.ann, 'notice'), [{ about: 'eve', what: 'full' }]);
  town.eve.ring('cat');
  town.settle();
  assert.deepEqual(told(town.eve, 'notice'), [{ about: 'cat', what: 'busy' }]);

  town.cat.hangUp();
  town.settle();
  assert.deepEqual(members(town.ann), ['bob', 'dan']);
  assert.equal(town.cat.phase, 'idle');
  inCall(town, 'dan', 'eve');
  assert.deepEqual(members(town.ann), ['bob', 'dan', 'eve']);
});

test('two members add one each at the same time', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const town = new Town('ann', 'bob', 'cat', 'dan');
    inCall(town, 'ann', 'bob');
    town.ann.ring('cat');
    town.bob.ring('dan');
    town.settle(random(seed));
    town.cat.answer();
    town.dan.answer();
    town.settle(random(seed + 1000));
    const all = ['ann', 'bob', 'cat', 'dan'];
    for (const name of all) assert.deepEqual(members(town[name]), all.filter((other) => other !== name), `${name}, seed ${seed}`);
  }
});

test('two calls that add each other stay two calls', () => {
  const town = new Town('ann', 'bob', 'cat', 'dan');
  inCall(town, 'ann', 'bob');
  inCall(town, 'cat', 'dan');
  town.ann.ring('cat');
  town.cat.ring('ann');
  town.settle();
  assert.deepEqual([members(town.ann), members(town.cat)], [['bob'], ['dan']]);
  assert.deepEqual([town.ann.outgoing.size, town.cat.outgoing.size], [0, 0]);
});

test('who rings a station that is just adding it joins that call', () => {
  const town = new Town('ann', 'bob', 'cat');
  inCall(town, 'ann', 'bob');
  town.ann.ring('cat');
  town.cat.ring('ann');
  town.settle();
  assert.deepEqual(members(town.cat), ['ann', 'bob']);
  assert.deepEqual(members(town.bob), ['ann', 'cat']);
});

test('a member that rings again has lost its page, and rings', () => {
  const town = new Town('ann', 'bob');
  inCall(town, 'ann', 'bob');
  town.add('ann');
  town.ann.ring('bob');
  town.settle();
  assert.deepEqual(phases(town), { ann: 'calling', bob: 'ringing' });
});

test('a stranger cannot bring itself into a call', () => {
  const town = new Town('ann', 'bob', 'eve');
  inCall(town, 'ann', 'bob');
  const { id } = town.ann.call;
  town.ann.receive('eve', { suzu: 'members', call: id, members: ['eve'] });
  town.ann.receive('eve', { suzu: 'answer', id: 'x' });
  town.ann.receive('eve', { suzu: 'leave', call: id });
  town.settle();
  assert.deepEqual(members(town.ann), ['bob']);
});

test('nonsense does nothing and never throws', () => {
  const town = new Town('ann', 'bob');
  const long = 'x'.repeat(10_000);
  const values = [undefined, null, 0, -1, NaN, '', 'x', long, [], [null], {}, { length: 1e9 }, true, ['bob', 'bob', 7]];
  const kinds = ['ring', 'ringing', 'answer', 'decline', 'cancel', 'members', 'leave', 'constructor', '__proto__', long, 7, null];
  for (const suzu of kinds) {
    for (const value of values) {
      town.ann.receive('bob', { suzu, id: value, call: value, members: value, reason: value, media: value });
      town.ann.receive('bob', { suzu, id: 'a', call: value, members: value, reason: value, media: value });
      town.ann.receive('bob', value);
    }
  }
  for (const value of values) town.ann.receive(value, { suzu: 'ring', id: 'a', call: 'b' });
  town.ann.hangUp();
  town.ann.decline();
  town.settle();
  assert.deepEqual(phases(town), { ann: 'idle', bob: 'idle' });
});

test('whatever they do in whatever order, all agree in the end', () => {
  for (let seed = 1; seed <= 400; seed += 1) play(seed);
});

/** Five people do 60 things at random while messages are on their way; then silence, and everything must fit together. */
function play(seed) {
  const pick = random(seed);
  const names = ['ann', 'bob', 'cat', 'dan', 'eve'];
  const town = new Town(...names);
  const one = () => names[pick(names.length)];
  const acts = [
    () => town[one()].ring(one()),
    () => town[one()].ring(one()),
    () => town[one()].answer(),
    () => town[one()].answer(),
    () => town[one()].decline(),
    () => pick(4) === 0 && town[one()].hangUp(),
    () => pick(8) === 0 && town.later(pick(31_000)),
  ];
  for (let turn = 0; turn < 60; turn += 1) {
    acts[pick(acts.length)]();
    for (let count = pick(6); count > 0; count -= 1) town.deliver(pick);
    for (const machine of town.stations.values()) assert.ok((machine.call?.members.size ?? 0) <= 3, `seed ${seed}`);
  }
  town.settle(pick);
  // Media come up between two that agree; who waits for one that does not is told after a while.
  for (const [name, machine] of town.stations) {
    for (const other of members(machine)) if (members(town[other]).includes(name)) machine.joined(other);
  }
  for (let round = 0; round < 3; round += 1) {
    town.later(35_000);
    town.settle(pick);
  }
  for (const [name, machine] of town.stations) {
    assert.ok(['idle', 'in-call'].includes(machine.phase), `seed ${seed}: ${name} is ${machine.phase}`);
    for (const other of members(machine)) {
      assert.ok(members(town[other]).includes(name), `seed ${seed}: ${name} has ${other}, not the other way round`);
      assert.equal(town[other].call.id, machine.call.id, `seed ${seed}: ${name} and ${other} are in one call`);
    }
  }
}

/** Numbers below `limit`, the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
