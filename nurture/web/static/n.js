// Page views, engagement, forms: see the README.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script?.dataset.key) return;
  const host = new URL(script.src).origin;
  const writeKey = script.dataset.key;
  const ID = "nurture_id", QUEUE = "nurture_queue", CONSENT = "nurture_consent";
  const required = script.dataset.consent === "required";
  const objects = navigator.globalPrivacyControl || navigator.doNotTrack === "1" || window.doNotTrack === "1";

  // Where storage is forbidden.
  const memory = {};
  const read = (key) => { try { return localStorage.getItem(key); } catch { return memory[key] || null; } };
  const write = (key, value) => { memory[key] = value; try { localStorage.setItem(key, value); } catch {} };

  // Without https there is no randomUUID.
  const uuid = () => crypto.randomUUID?.() || Date.now().toString(36) + Math.random().toString(36).slice(2);

  const allowed = () => !objects && (!required || read(CONSENT) === "1");

  let visitor;
  function id() {
    visitor = visitor || (document.cookie.match(/(?:^|; )nurture_id=([\w.-]+)/) || [])[1] || read(ID) || uuid();
    write(ID, visitor);
    document.cookie = `${ID}=${visitor}; Max-Age=34560000; Path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
    return visitor;
  }

  // Events wait here until the server has them. Tabs share it: read it anew.
  const queue = () => { try { return JSON.parse(read(QUEUE)) || []; } catch { return []; } };
  const save = (events) => write(QUEUE, JSON.stringify(events.slice(-200)));
  const forget = (sent) => {
    const ids = new Set(sent.map((event) => event.messageId));
    save(queue().filter((event) => !ids.has(event.messageId)));
  };

  let timer, sending = false, notBefore = 0, failures = 0;
  const later = (wait) => { clearTimeout(timer); timer = setTimeout(() => flush(), Math.max(wait, notBefore - Date.now())); };
  function pause(seconds) {
    notBefore = Date.now() + 1000 * (seconds || Math.min(60, 2 ** failures++));
    later(0);
  }

  // A page's keepalive requests share 64 KB.
  function next() {
    const batch = [];
    let size = 0;
    for (const event of queue()) {
      size += JSON.stringify(event).length;
      if (batch.length === 10 || (batch.length && size > 50000)) break;
      batch.push(event);
    }
    return batch;
  }

  async function flush(leaving) {
    const batch = next();
    if (!batch.length || (!leaving && (sending || Date.now() < notBefore))) return;
    const body = JSON.stringify({ writeKey, sentAt: new Date().toISOString(), batch });
    sending = true;
    try {
      // text/plain needs no preflight: it survives the page's end.
      const answer = await fetch(`${host}/v1/batch`, {
        method: "POST", body, keepalive: true, credentials: "omit", headers: { "Content-Type": "text/plain" },
      });
      sending = false;
      if (answer.status === 429 || answer.status >= 500) return pause(Number(answer.headers.get("Retry-After")));
      failures = 0;
      forget(batch);
      flush();
    } catch {
      sending = false;
      fallBack(body, batch);
      pause();
    }
  }

  // A beacon brings no answer: its events go again later, and count once.
  function fallBack(body, batch) {
    if (navigator.sendBeacon?.(`${host}/v1/batch`, body)) return;
    for (const event of batch) {
      const image = new Image();
      image.onload = () => forget([event]);
      image.src = `${host}/v1/pixel.gif?d=${encodeURIComponent(btoa(unescape(encodeURIComponent(JSON.stringify({ ...event, writeKey })))))}`;
    }
  }

  // A page counts at its canonical address until that changes; what follows # may be private.
  function here() {
    const { origin, pathname: path } = new URL(canonical || location), { search } = location;
    return { url: origin + path + search, path, search, title: document.title, referrer: document.referrer };
  }

  function send(type, fields) {
    if (!allowed()) return;
    save([...queue(), {
      type, messageId: uuid(), anonymousId: id(), timestamp: new Date().toISOString(), ...fields,
      context: {
        page: here(), locale: navigator.language, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        library: { name: "n.js", version: "1" }, consent: required || undefined,
      },
    }]);
    later(50);
  }

  // Engaged: visible, not idle for 30 seconds.
  let page, last, canonical, engaged = 0, scroll = 0, active = Date.now();
  const busy = () => {
    active = Date.now();
    scroll = Math.max(scroll, Math.min(100, Math.round((scrollY + innerHeight) / document.documentElement.scrollHeight * 100)));
  };
  function leave() {
    if (page && engaged) send("track", { event: "page_engaged", properties: { ...page, seconds: engaged, scroll } });
    engaged = 0;
  }
  function view(properties) {
    leave();
    page = here();
    last = location.pathname;
    scroll = 0;
    busy();
    send("page", { properties });
  }

  // Forms that post to us tell the visitor, and an id by which two clicks are one post.
  const loaded = Date.now(), once = uuid();
  function handOver(form) {
    if (!String(form?.action).startsWith(`${host}/f/`)) return;
    const fields = { _id: once, _timestamp: loaded, ...(allowed() && { _anonymous_id: id() }) };
    for (const name in fields) {
      const field = form.querySelector(`input[name="${name}"]`) || form.appendChild(document.createElement("input"));
      field.type = "hidden";
      field.name = name;
      field.value = fields[name];
    }
  }

  const api = {
    track: (event, properties) => send("track", { event, properties }),
    identify: (userId, traits) => send("identify", typeof userId === "object" ? { traits: userId } : { userId, traits }),
    page: view,
    consent: (given) => {
      const before = allowed();
      write(CONSENT, given ? "1" : "");
      given ? before || start() : save([]);
    },
  };

  function start() {
    [...document.forms].forEach(handOver);
    if (!allowed()) return;
    canonical = document.querySelector("link[rel=canonical]")?.href;
    view();
    flush();
  }

  const calls = Array.isArray(window.nurture) ? window.nurture : [];
  window.nurture = { ...api, push: (call) => api[call[0]](...call.slice(1)) };

  for (const kind of ["scroll", "keydown", "pointerdown", "pointermove"]) addEventListener(kind, busy, { passive: true });
  for (const kind of ["focusin", "submit"]) addEventListener(kind, (event) => handOver(event.target.closest?.("form")), true);
  setInterval(() => { if (document.visibilityState === "visible" && Date.now() - active < 30000) engaged++; }, 1000);
  const goodbye = () => { leave(); flush(true); };
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") goodbye(); });
  addEventListener("pagehide", goodbye);
  addEventListener("online", () => flush());

  // Pages that change their address without loading.
  const push = history.pushState;
  const moved = () => { if (page && last !== location.pathname) { canonical = null; view(); } };
  history.pushState = function (...change) { push.apply(this, change); moved(); };
  addEventListener("popstate", moved);

  const begin = () => { start(); calls.forEach(window.nurture.push); };
  const ready = () => document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
  document.prerendering ? document.addEventListener("prerenderingchange", ready, { once: true }) : ready();
})();
