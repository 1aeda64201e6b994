/** The key of whoever is signed in: in memory, or by choice in this tab's session storage. Never in an address or a cookie. */

const NAME = "tidegate-key";
let key = stored();

function stored() {
  try {
    return sessionStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

/** The key, or nothing. */
export function currentKey() {
  return key;
}

/** Sign in. With `remember`, the key outlives a reload of this tab. */
export function keepKey(given, remember) {
  key = given;
  try {
    if (remember) sessionStorage.setItem(NAME, given);
    else sessionStorage.removeItem(NAME);
  } catch {
    // a browser that keeps nothing
  }
}

/** Whether the key outlives this page. */
export function keyIsKept() {
  return stored() !== "";
}

/** Forget the key everywhere. */
export function forgetKey() {
  keepKey("", false);
}
