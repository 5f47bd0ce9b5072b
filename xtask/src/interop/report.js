// What can be asked of a page without knowing what it tells. An expression: its value is what was found.
(() => {
  const root = document.documentElement;
  const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(heading => Number(heading.tagName[1]));
  const rgb = colour => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map(code => code / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z + 0.05;
  };
  const ground = element => {
    for (let outer = element; outer; outer = outer.parentElement) {
      const colour = rgb(getComputedStyle(outer).backgroundColor);
      if (colour.a === 1) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  // Elements with text of their own, outside pictures: the contrast of that text with what lies behind it.
  const texts = [...document.body.querySelectorAll('*:not(svg *)')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  const contrast = element => {
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
    return Math.max(a, b) / Math.min(a, b);
  };
  const faint = texts.filter(element => contrast(element) < 4.5)
    .map(element => `${element.tagName.toLowerCase()} ${contrast(element).toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
  const marks = [...document.querySelectorAll('svg [fill^="#"]')];
  const colours = [getComputedStyle(root).backgroundColor, getComputedStyle(document.body).color,
    ...new Set(marks.map(mark => `${mark.getAttribute('fill')} ${getComputedStyle(mark).fill}`))];
  return { levels, faint, colours, height: Math.ceil(root.getBoundingClientRect().height),
    tooWide: Math.max(0, root.scrollWidth - innerWidth) };
})()
