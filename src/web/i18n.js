// Owns the words, in English and Japanese. `{name}` in a text is replaced.

export const words = {
  en: {
    nav: 'This station', hints: 'Hints', controls: 'Call controls', close: 'Close',
    welcome: 'Welcome', welcome_text: 'This device becomes a station: others can ring it, and it can ring them.',
    station_name: 'Name of this station', name_hint: 'Kitchen', room: 'Room',
    room_hint: 'Devices in the same room see each other.', start: 'Start',
    try_devices: 'Try camera and microphone', stop_trying: 'Stop trying',
    stations: 'Stations', this_station: 'This station is', auto_answer: 'Answers by itself',
    state_free: 'Free', state_away: 'Away', state_dnd: 'Do not disturb', state_call: 'In a call', state_unknown: 'No intercom heard yet',
    answers_itself: 'answers by itself', cannot_answer: 'Cannot answer (no https)', unnamed: 'Station {id}',
    ring_station: 'Ring {name}', ring_voice: 'Ring {name}, voice only', ring: 'Ring', voice_only: 'Voice only',
    empty_title: 'Nobody else is here yet', empty_text: 'Open this link on another device, or scan it.',
    link_connected: 'Connected', link_connecting: 'Reconnecting…', link_first: 'Connecting…',
    'link_room-full': 'The room is full; trying again…', link_unauthorized: 'The key is wrong or missing; trying again…',
    'link_id-taken': 'Already open elsewhere; trying again…', 'link_too-large': 'The room or the name is too long', 'link_no-room-left': 'The server is full; trying again…',
    sound_on: 'Tap to enable sound', insecure: 'Browsers give camera and microphone only to pages opened by https, so this device can see the stations but not ring them.',
    insecure_link: 'Set up https on this device',
    is_ringing: 'is ringing', is_ringing_voice: 'is ringing, voice only', is_ringing_group: 'is ringing; already in the call: {names}',
    calling: 'Calling…', ringing_there: 'It rings there…', answer: 'Answer', decline: 'Decline', cancel: 'Cancel',
    call: 'Call', call_with: 'In a call with {names}', own_picture: 'Own picture', hang_up: 'Hang up', add_station: 'Add a station', full_screen: 'Full screen', full_screen_end: 'End full screen',
    mic_on: 'Microphone is on', mic_off: 'Microphone is off', camera_on: 'Camera is on', camera_off: 'Camera is off',
    hold_to_talk: 'Hold to talk', talking: 'Talking…', sound_devices: 'Sound and camera', volume: 'Volume', microphone: 'Microphone', camera: 'Camera', speaker: 'Speaker',
    device_default: 'Default', device_unnamed: '{kind} {n}', tile_connecting: 'connecting…', tile_weak: 'reconnecting…', tile_muted: 'muted', tile_ringing: 'ringing…',
    settings: 'Settings', settings_hold: 'Settings: press and hold', start_muted: 'Start calls muted (push to talk)', kiosk: 'Wall mode: stays awake, dims when idle', diagnostics: 'Something does not work? Diagnostics',
    share: 'Add a device', share_text: 'Scan this with the other device, or type the link there.', share_key: 'The link contains the key of this room: give it only to whom you trust.',
    share_local: 'This address works on this device only. Open this page by the name or the address of the box first.', share_picture: 'QR code of the link', copy: 'Copy link', copied: 'Copied', link_label: 'Link',
    missed: 'Missed calls', missed_count: 'Missed calls: {n}', missed_none: 'No missed calls.', clear: 'Clear', ring_back: 'Ring {name} back', not_here: 'not here now',
    why_busy: 'while in a call', why_dnd: 'while not to be disturbed', why_gone: 'connection lost',
    add_none: 'Nobody else is here.',
    notice_declined: '{name} declined.', notice_busy: '{name} is in another call.', notice_dnd: '{name} does not want to be disturbed.', notice_full: 'A call has at most four stations.',
    'notice_no-answer': '{name} did not answer.', notice_gone: '{name} is not reachable any more.', notice_left: '{name} left.', notice_failed: 'No connection to {name}.', notice_cancelled: '{name} hung up.',
    notice_missed: '{name} rang.', notice_auto: 'Answered {name} by itself.',
    media_denied: 'Camera and microphone are not allowed: you see and hear the others, they do not hear you. Allow them in the browser, beside the address.',
    media_none: 'No camera or microphone found: you see and hear the others, they do not hear you.', media_busy: 'Camera or microphone is used by another program: close that, and try again.',
    media_no_camera: 'No camera: the others hear you only.', media_no_mic: 'No microphone: the others see you, but do not hear you.', media_ok: 'Camera and microphone work.', level: 'Loudness of the microphone',
    title: 'Diagnostics', intro: 'What this browser, this device and the network between them allow. Open this page on a second device, too, or leave a station open there.',
    running: 'Checking…', again: 'Check again', copy_report: 'Copy report', report: 'Report', back: 'Back to the intercom',
    all_well: 'Everything that could be checked is well.', some_wrong: 'Things to look at: {n}',
    verdict_ok: 'good', verdict_warn: 'could be better', verdict_bad: 'does not work', verdict_info: 'to know',
    check_secure: 'Secure page', secure_ok: 'The browser regards this page as secure.', secure_bad: 'The browser regards this page as not secure, and gives it neither camera nor microphone.', secure_todo: 'Open /trust on this device, follow its steps, then open the intercom by https.',
    check_certificate: 'Certificate', certificate_none: 'This page did not come by https, so there is no certificate to check.', certificate_ok: 'The certificate is trusted, as far as the browser tells.', certificate_bad: 'The certificate is not trusted: a warning was clicked away.', certificate_todo: 'Open /trust and install the certificate authority of your suzu on this device.',
    check_microphone: 'Microphone', check_camera: 'Camera', device_insecure: 'Not available to a page that is not secure.', device_none: 'None found.', device_none_todo: 'Plug one in. Without it you can still see and hear others.',
    device_denied: 'The permission was refused.', device_denied_todo: 'Allow it in the browser: tap the symbol beside the address, then permissions; and look into the privacy settings of the system.',
    device_ok: 'Allowed. Found: {count}', device_ask: 'The browser will ask when it is needed. Found: {count}', device_ask_todo: 'Tap “Try camera and microphone” below, and allow it.',
    check_socket: 'Server', socket_ok: 'Connected to the room “{room}”. To the server and back: {ms} ms', socket_slow: 'Connected to the room “{room}”, but slowly: {ms} ms', socket_slow_todo: 'Move nearer to the Wi-Fi, or use its other band.',
    socket_bad: 'No connection ({reason}).', socket_todo: 'Is suzu running? Does a proxy or a firewall between here and there stop WebSockets?', socket_todo_key: 'The room needs a key: open the link from “Add a device” on another station.', socket_todo_full: 'The room is full: close a station that is not needed, or raise max_peers_per_room.',
    check_ice: 'Ways for sound and pictures', ice_ok: 'Candidates found: {kinds}', ice_none: 'The browser found no way out of this device.', ice_todo: 'Is the device on the network? Extensions and settings against “WebRTC leaks” and some VPNs cause this: turn them off for this page.',
    webrtc_none: 'This browser has no WebRTC.', webrtc_todo: 'Use a current Chrome, Edge, Firefox or Safari.',
    check_local: '“.local” names between two devices', local_no_server: 'Cannot be checked without the server.', local_alone: 'Needs a second device.', local_alone_todo: 'Open the intercom or this page on another device in the same room, then check again.',
    local_unused: 'Not needed: the browsers tell each other their addresses.', local_ok: 'Both devices find each other by name.', local_neither: 'Neither device finds the other by name.', local_not_here: 'This device does not find the other one by name.', local_not_there: 'The other device does not find this one by name.',
    local_todo: 'Multicast (mDNS, UDP port 5353) does not pass between them: turn off client or AP isolation in the router, use the same network for both, and allow mDNS in the firewall. Or allow the camera on both: then browsers use addresses.',
    check_closes: 'Last connections that ended', closes_none: 'None.', closes_some: 'Newest first: {list}',
    close_1001: '1001: suzu was stopped, or the page was left. Stations come back by themselves.', close_1006: '1006: the connection broke without a goodbye: Wi-Fi, a sleeping device, a proxy, or suzu was not running.', close_1008: '1008: suzu refused this station; the word after the number says why.', close_1009: '1009: a message was too long.',
  },
  ja: {
    nav: 'この端末', hints: 'お知らせ', controls: '通話の操作', close: '閉じる',
    welcome: 'ようこそ', welcome_text: 'この端末を子機にします。ほかの端末から呼び出したり、呼び出されたりできます。',
    station_name: 'この端末の名前', name_hint: '台所', room: '部屋',
    room_hint: '同じ部屋の端末どうしがつながります。', start: 'はじめる',
    try_devices: 'カメラとマイクを試す', stop_trying: '試すのをやめる',
    stations: '端末一覧', this_station: 'この端末は', auto_answer: '自動応答',
    state_free: '応答可', state_away: '離席中', state_dnd: '着信拒否', state_call: '通話中', state_unknown: 'インターホン未確認',
    answers_itself: '自動応答', cannot_answer: '応答不可(https ではありません)', unnamed: '端末 {id}',
    ring_station: '{name}を呼び出す', ring_voice: '{name}を音声だけで呼び出す', ring: '呼び出す', voice_only: '音声のみ',
    empty_title: 'ほかの端末はまだありません', empty_text: 'このリンクをほかの端末で開くか、読み取ってください。',
    link_connected: '接続中', link_connecting: '再接続しています…', link_first: '接続しています…',
    'link_room-full': '部屋が満員です。再試行しています…', link_unauthorized: 'キーが違うか、ありません。再試行しています…',
    'link_id-taken': 'ほかで開かれています。再試行しています…', 'link_too-large': '部屋か名前が長すぎます', 'link_no-room-left': 'サーバーが満員です。再試行しています…',
    sound_on: 'タップして音を出す', insecure: 'カメラとマイクは https で開いたページでしか使えないため、この端末では一覧は見られますが呼び出しはできません。',
    insecure_link: 'この端末で https を使えるようにする',
    is_ringing: 'が呼んでいます', is_ringing_voice: 'が呼んでいます(音声のみ)', is_ringing_group: 'が呼んでいます。通話中:{names}',
    calling: '呼び出しています…', ringing_there: '相手の端末が鳴っています…', answer: '応答', decline: '拒否', cancel: 'やめる',
    call: '通話', call_with: '{names}と通話中', own_picture: '自分の映像', hang_up: '切る', add_station: '端末を追加', full_screen: '全画面', full_screen_end: '全画面をやめる',
    mic_on: 'マイクはオン', mic_off: 'マイクはオフ', camera_on: 'カメラはオン', camera_off: 'カメラはオフ',
    hold_to_talk: '押して話す', talking: '話しています…', sound_devices: '音とカメラ', volume: '音量', microphone: 'マイク', camera: 'カメラ', speaker: 'スピーカー',
    device_default: '標準', device_unnamed: '{kind} {n}', tile_connecting: '接続しています…', tile_weak: '再接続しています…', tile_muted: '消音', tile_ringing: '呼び出し中…',
    settings: '設定', settings_hold: '設定(長押し)', start_muted: '消音で始める(押して話す)', kiosk: '壁掛け:画面を消さず、使わないときは暗くする', diagnostics: 'うまくいかないときは診断へ',
    share: '端末を追加する', share_text: 'ほかの端末で読み取るか、リンクを入力してください。', share_key: 'このリンクには部屋のキーが入っています。信頼できる人にだけ渡してください。',
    share_local: 'このアドレスはこの端末でしか使えません。先に、本体の名前かアドレスでこのページを開いてください。', share_picture: 'リンクの QR コード', copy: 'リンクをコピー', copied: 'コピーしました', link_label: 'リンク',
    missed: '不在着信', missed_count: '不在着信:{n}件', missed_none: '不在着信はありません。', clear: '消去', ring_back: '{name}にかけ直す', not_here: '今はいません',
    why_busy: '通話中', why_dnd: '着信拒否中', why_gone: '接続が切れました',
    add_none: 'ほかの端末がありません。',
    notice_declined: '{name}は応答できません。', notice_busy: '{name}はほかの通話中です。', notice_dnd: '{name}は着信拒否中です。', notice_full: '一つの通話は四台までです。',
    'notice_no-answer': '{name}は応答しませんでした。', notice_gone: '{name}につながりません。', notice_left: '{name}が退出しました。', notice_failed: '{name}に接続できません。', notice_cancelled: '{name}が切りました。',
    notice_missed: '{name}から着信がありました。', notice_auto: '{name}に自動応答しました。',
    media_denied: 'カメラとマイクが許可されていません。相手の映像と声は届きますが、こちらの声は届きません。ブラウザーのアドレス欄の横で許可してください。',
    media_none: 'カメラもマイクも見つかりません。相手の映像と声は届きますが、こちらの声は届きません。', media_busy: 'カメラかマイクがほかのプログラムで使われています。それを閉じて、もう一度お試しください。',
    media_no_camera: 'カメラがありません。声だけが届きます。', media_no_mic: 'マイクがありません。映像は届きますが、声は届きません。', media_ok: 'カメラとマイクは使えます。', level: 'マイクの音量',
    title: '診断', intro: 'このブラウザー、この端末、そしてネットワークで何が使えるかを調べます。もう一台の端末でもこのページか子機を開いておいてください。',
    running: '調べています…', again: 'もう一度調べる', copy_report: '結果をコピー', report: '結果', back: 'インターホンに戻る',
    all_well: '調べられた項目はすべて良好です。', some_wrong: '確認が必要な項目:{n}',
    verdict_ok: '良好', verdict_warn: '改善できます', verdict_bad: '使えません', verdict_info: '参考',
    check_secure: '安全なページ', secure_ok: 'ブラウザーはこのページを安全とみなしています。', secure_bad: 'ブラウザーはこのページを安全とみなしておらず、カメラもマイクも使えません。', secure_todo: 'この端末で /trust を開いて手順に従い、https でインターホンを開いてください。',
    check_certificate: '証明書', certificate_none: 'このページは https ではないため、調べる証明書がありません。', certificate_ok: '証明書は信頼されています(ブラウザーから分かる範囲で)。', certificate_bad: '証明書が信頼されていません。警告を無視して開いています。', certificate_todo: '/trust を開き、suzu の認証局をこの端末に入れてください。',
    check_microphone: 'マイク', check_camera: 'カメラ', device_insecure: '安全でないページでは使えません。', device_none: '見つかりません。', device_none_todo: '接続してください。なくても相手の映像と声は届きます。',
    device_denied: '許可されていません。', device_denied_todo: 'ブラウザーのアドレス欄の横の記号から許可し、システムのプライバシー設定も確認してください。',
    device_ok: '許可されています。台数:{count}', device_ask: '必要なときにブラウザーが確認します。台数:{count}', device_ask_todo: '下の「カメラとマイクを試す」を押して許可してください。',
    check_socket: 'サーバー', socket_ok: '部屋「{room}」に接続しました。往復 {ms} ミリ秒', socket_slow: '部屋「{room}」に接続しましたが、遅いです:{ms} ミリ秒', socket_slow_todo: 'Wi-Fi の近くに移動するか、別の周波数帯を使ってください。',
    socket_bad: '接続できません({reason})。', socket_todo: 'suzu は動いていますか。途中のプロキシやファイアウォールが WebSocket を止めていませんか。', socket_todo_key: '部屋にキーが必要です。ほかの端末の「端末を追加する」のリンクを開いてください。', socket_todo_full: '部屋が満員です。不要な端末を閉じるか、max_peers_per_room を増やしてください。',
    check_ice: '音声と映像の経路', ice_ok: '見つかった候補:{kinds}', ice_none: 'この端末から出る経路が見つかりません。', ice_todo: 'ネットワークにつながっていますか。WebRTC を制限する拡張機能や設定、VPN が原因のことがあります。このページでは切ってください。',
    webrtc_none: 'このブラウザーは WebRTC に対応していません。', webrtc_todo: '最新の Chrome、Edge、Firefox、Safari を使ってください。',
    check_local: '二台の間の「.local」名', local_no_server: 'サーバーにつながらないため調べられません。', local_alone: 'もう一台の端末が必要です。', local_alone_todo: '同じ部屋のほかの端末でインターホンかこのページを開き、もう一度調べてください。',
    local_unused: '不要です。ブラウザーどうしがアドレスを伝え合います。', local_ok: '両方の端末が名前で相手を見つけられます。', local_neither: 'どちらの端末も名前で相手を見つけられません。', local_not_here: 'この端末は名前で相手を見つけられません。', local_not_there: '相手の端末は名前でこの端末を見つけられません。',
    local_todo: 'マルチキャスト(mDNS、UDP 5353)が通っていません。ルーターのクライアント分離を切り、同じネットワークを使い、ファイアウォールで mDNS を許可してください。または両方でカメラを許可すると、アドレスが使われます。',
    check_closes: '最近切れた接続', closes_none: 'ありません。', closes_some: '新しい順:{list}',
    close_1001: '1001:suzu が停止したか、ページを離れました。自動で戻ります。', close_1006: '1006:接続が突然切れました。Wi-Fi、端末のスリープ、プロキシ、または suzu の停止が考えられます。', close_1008: '1008:suzu が拒否しました。番号の後の語が理由です。', close_1009: '1009:メッセージが長すぎました。',
  },
};

let lang = 'en';
/** The language as the browser has it, which knows how dates are written where we are. */
export let locale = 'en';

/** Chooses the language: the wish if there is one, otherwise the browser's first that we have. */
export function choose(wish, document, languages = navigator.languages ?? []) {
  const known = [wish, ...languages].map((name) => String(name).slice(0, 2).toLowerCase()).find((name) => name in words);
  lang = known ?? 'en';
  locale = languages.find((name) => name.toLowerCase().startsWith(lang)) ?? lang;
  document.documentElement.lang = lang;
  return lang;
}

/** @param {string} key @param {Record<string, string|number>} values for its blanks */
export function t(key, values = {}) {
  const text = words[lang][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Puts the words into everything below `root` that has `data-t` (text), `data-t-label` or `data-t-hint`. */
export function translate(root) {
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll('[data-t-label]')) label(element, t(element.dataset.tLabel));
  for (const element of root.querySelectorAll('[data-t-hint]')) element.placeholder = t(element.dataset.tHint);
}

/** What a screen reader says, and on buttons what the mouse finds out. */
export function label(element, text) {
  element.setAttribute('aria-label', text);
  if (element.tagName === 'BUTTON') element.title = text;
}
