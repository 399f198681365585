// What tests run inside the browser, on the page that they have opened.

/**
 * @typedef {readonly [number, number, number, number]} Colour red, green, blue to 255, and how much
 *   it covers, to 1
 */

/** Asks for something that the policy of the live page forbids. */
export function loadForeignImage() {
  const image = document.createElement('img');
  image.src = 'http://127.0.0.1:1/x.png';
  document.body.append(image);
}

/** Where a secret could be left behind. */
export function leftovers() {
  return [location.href, document.cookie, localStorage.length, sessionStorage.length];
}

/** The name of what has the focus. */
export function focusedName() {
  return document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '';
}

export function focusOutline() {
  return document.activeElement === null ? 'nothing' : getComputedStyle(document.activeElement).outlineStyle;
}

export function focusInDialog() {
  return document.querySelector('dialog')?.contains(document.activeElement) ?? false;
}

export function pageWidth() {
  return document.documentElement.scrollWidth;
}

export function pageBackground() {
  return getComputedStyle(document.body).backgroundColor;
}

/**
 * From now on `data-touched` of the body counts the rows of the first table in which anything was
 * written.
 */
export function countTouchedRows() {
  const touched = new Set();
  const body = document.querySelector('tbody');
  if (body === null) throw new Error('there is no table');
  document.body.dataset['touched'] = '0';
  new MutationObserver((records) => {
    for (const { target } of records) {
      const row = (target instanceof Element ? target : target.parentElement)?.closest('tr');
      if (row) touched.add(row);
    }
    document.body.dataset['touched'] = String(touched.size);
  }).observe(body, { subtree: true, childList: true, characterData: true, attributes: true });
}

/**
 * Of each element with text of its own: how much its colour differs from what is behind it, by the
 * formula of WCAG 2.
 */
export function contrasts() {
  /**
   * @param {string} value
   * @returns {Colour}
   */
  const read = (value) => {
    const wide = value.startsWith('color(srgb');
    const [r = 0, g = 0, b = 0, a = 1] = [...value.replace('color(srgb', '').matchAll(/[\d.]+(?:e-?\d+)?/g)].map(Number);
    return wide ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  /**
   * @param {Colour} top
   * @param {Colour} below
   * @returns {Colour}
   */
  const over = ([r, g, b, a], below) => [r * a + below[0] * (1 - a), g * a + below[1] * (1 - a), b * a + below[2] * (1 - a), 1];
  /** @param {Colour} colour */
  const light = ([r, g, b]) => {
    const [red = 0, green = 0, blue = 0] = [r, g, b].map((each) => {
      const share = each / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  /**
   * @param {Element} element
   * @returns {Colour}
   */
  const behind = (element) => {
    const own = read(getComputedStyle(element).backgroundColor);
    if (own[3] === 1) return own;
    const parent = element.parentElement;
    return over(own, parent === null ? [255, 255, 255, 1] : behind(parent));
  };
  return [...document.body.querySelectorAll('*')].flatMap((element) => {
    const written = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
    );
    if (!written || !element.checkVisibility() || element.closest('.unseen, .skip, svg, option') !== null) return [];
    const back = behind(element);
    const [a, b] = [light(over(read(getComputedStyle(element).color), back)), light(back)];
    return [
      {
        text: `${element.tagName} ${element.textContent?.slice(0, 30)}`,
        ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
      },
    ];
  });
}

/** How high the buttons and the rows of the tables are. */
export function heights() {
  /** @param {string} selector */
  const most = (selector) =>
    Math.max(...[...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect().height));
  return { button: most('tbody button'), row: most('tbody tr') };
}
