/** Making elements, in one line each. Text is always set as text, never parsed as HTML. */

type Attributes = Readonly<Record<string, string | number>>

export function html(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  return filled(document.createElement(tag), attributes, children)
}

export function svg(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): SVGElement {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag) as SVGElement, attributes, children)
}

function filled<Made extends Element>(element: Made, attributes: Attributes, children: (Node | string)[]): Made {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  element.append(...children)
  return element
}
