"""How well something on a page can be read: a script for a browser, given the element."""

CONTRAST = """element => {
  const numbers = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = text => {
    const [r, g, b] = numbers(text).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(element);
  const ink = luminance(element instanceof SVGElement ? style.fill : style.color);
  const paper = luminance(getComputedStyle(document.documentElement).backgroundColor);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""
