// What the bar does outside itself: the address, the table's scroll position, other tabs.
const SAID_AFTER = 250; // ms: browsers refuse an address that changes at every press of a fast hand
const HEARD_AFTER = 200; // ms between news of another tab and our question

// The row under review in the address, so that a link or a reload opens it again.
let saying = null;
function sayRow(row) {
  clearTimeout(saying);
  const path = location.pathname;
  saying = setTimeout(() => {
    const address = new URL(location.href);
    const said = row === null ? null : String(row);
    if (address.pathname !== path || address.searchParams.get("row") === said) return;
    if (said === null) address.searchParams.delete("row");
    else address.searchParams.set("row", said);
    history.replaceState(history.state, "", address);
  }, SAID_AFTER);
}

// Scrolls the table of the queue so that the row under review is in view, with some after it.
function keepInView({ inside, rows, height }, row) {
  const at = rows.indexOf(row);
  const scroller = document.querySelector(`.st-key-${inside} .dvn-scroller`);
  if (at < 0 || !scroller) return;
  const top = at * height;
  const seen = scroller.clientHeight - height; // the header stays above
  const { scrollTop } = scroller;
  if (top < scrollTop || top + 3 * height > scrollTop + seen) {
    scroller.scrollTop = Math.max(0, top - 2 * height);
  }
}

// Tabs of this browser tell each other when a decision was saved. Other computers' decisions are
// seen when a tab is looked at again, and with every press.
class OtherTabs {
  constructor(onNews) {
    this.token = null;
    this.channel = new BroadcastChannel("dvgs-decisions");
    this.soon = null;
    const later = () => {
      clearTimeout(this.soon);
      this.soon = setTimeout(onNews, HEARD_AFTER);
    };
    this.channel.onmessage = ({ data }) => {
      if (data === this.token) later();
    };
    this.onFocus = () => later();
    window.addEventListener("focus", this.onFocus);
  }

  tell(token) {
    this.channel.postMessage(token);
  }

  close() {
    clearTimeout(this.soon);
    this.channel.close();
    window.removeEventListener("focus", this.onFocus);
  }
}
