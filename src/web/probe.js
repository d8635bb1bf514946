// Owns finding out whether the `.local` names that browsers put in the place of addresses (mDNS) can be resolved between two
// devices: a WebRTC connection that has nothing else to go by. Stations and diagnostics pages answer; a diagnostics page asks.
//
// Mesh messages { "suzu": "probe", "v": 1, "kind": .. }: "hello" to everybody, "here" back; then, with the `id` of a try,
// "offer" and "answer" { sdp } and "candidate" { candidate }. Of two tries, in the first only the one who asks gets the
// other's candidates and has to resolve them, in the second only the other one.

const tryMs = 8_000;
/** Without a `.local` candidate by then, there will be none. */
const namesMs = 3_000;
const answerMs = 2_500;
const guestsMost = 4;

const isLocal = (candidate) => typeof candidate?.candidate === 'string' && / [0-9a-f-]{36}\.local /i.test(candidate.candidate);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isText = (value, most) => typeof value === 'string' && value.length <= most;

function send(suzu, to, kind, fields = {}) {
  suzu.send({ suzu: 'probe', v: 1, kind, ...fields }, to);
}

function listen(suzu, take) {
  const listener = ({ detail: { from, data } }) => data?.suzu === 'probe' && take(from, data);
  suzu.addEventListener('message', listener);
  return () => suzu.removeEventListener('message', listener);
}

/** Answers others' probes from now on. */
export function answerProbes(suzu) {
  const guests = new Map();
  listen(suzu, async (from, { kind, id, sdp, candidate }) => {
    const name = `${from} ${id}`;
    try {
      if (kind === 'hello') send(suzu, from, 'here');
      else if (kind === 'candidate') await guests.get(name)?.addIceCandidate(candidate);
      else if (kind === 'offer' && isText(id, 64) && isText(sdp, 20_000) && guests.size < guestsMost && !guests.has(name)) {
        const pc = new RTCPeerConnection();
        guests.set(name, pc);
        setTimeout(() => guests.delete(name) && pc.close(), tryMs + 2_000);
        pc.onicecandidate = ({ candidate }) => isLocal(candidate) && send(suzu, from, 'candidate', { id, candidate });
        await pc.setRemoteDescription({ type: 'offer', sdp });
        await pc.setLocalDescription();
        send(suzu, from, 'answer', { id, sdp: pc.localDescription.sdp });
      }
    } catch (error) {
      console.debug('suzu: ignored a probe', error);
    }
  });
}

/** Whom we could ask: everybody who answers in a short time. @returns {Promise<string[]>} */
export async function whoAnswers(suzu) {
  const found = new Set();
  const end = listen(suzu, (from, { kind }) => kind === 'here' && found.add(from));
  send(suzu, undefined, 'hello');
  await pause(answerMs);
  end();
  return [...found];
}

/** @returns {Promise<'yes'|'no'|'unused'>} whether `.local` names are resolved; unused if none came up */
export async function resolves(suzu, peer, byUs) {
  const id = Math.random().toString(36).slice(2);
  const pc = new RTCPeerConnection();
  let sawLocal = false;
  const early = [];
  const end = listen(suzu, async (from, { kind, id: theirs, sdp, candidate }) => {
    if (from !== peer || theirs !== id) return;
    try {
      if (kind === 'answer') {
        await pc.setRemoteDescription({ type: 'answer', sdp });
        for (const one of early.splice(0)) await pc.addIceCandidate(one);
      } else if (kind === 'candidate' && byUs && isLocal(candidate)) {
        sawLocal = true;
        if (pc.remoteDescription) await pc.addIceCandidate(candidate);
        else early.push(candidate);
      }
    } catch (error) {
      console.debug('suzu: ignored a probe', error);
    }
  });
  try {
    const channel = pc.createDataChannel('probe');
    const opened = new Promise((resolve) => (channel.onopen = resolve));
    pc.onicecandidate = ({ candidate }) => {
      if (byUs || !isLocal(candidate)) return;
      sawLocal = true;
      send(suzu, peer, 'candidate', { id, candidate });
    };
    await pc.setLocalDescription();
    send(suzu, peer, 'offer', { id, sdp: pc.localDescription.sdp });
    const isOpen = opened.then(() => true);
    const isEarly = await Promise.race([isOpen, pause(namesMs).then(() => false)]);
    if (!isEarly && !sawLocal) return 'unused';
    return (await Promise.race([isOpen, pause(tryMs - namesMs).then(() => false)])) ? 'yes' : 'no';
  } finally {
    end();
    pc.close();
  }
}
