// Makes TensorBoard's pages ready for pictures of single cards, and says where these are: a function is true when the
// page is ready, otherwise it tells what is missing. Runs after drawn.js. The names are those of TensorBoard 2.21.
(() => {
  // The table under a curve, which says which run has which colour, comes with the choice of a step.
  const settings = JSON.parse(localStorage.getItem('_tb_global_settings'));
  localStorage.setItem('_tb_global_settings', JSON.stringify({ ...settings, stepSelectorEnabled: true }));

  const STILL = 400;
  const MARGIN = 12;
  const inside = (element, selector) => drawn.all(selector, element.shadowRoot || element);
  // Transitions change what is drawn, or where.
  let last = { state: '', since: 0 };
  const still = elements => {
    const state = JSON.stringify(elements.map(element =>
      [element.getBoundingClientRect(), inside(element, 'svg').map(svg => svg.outerHTML)]));
    if (state !== last.state) last = { state, since: performance.now() };
    return performance.now() - last.since >= STILL || 'it still moves';
  };
  const around = (rectangles, margin) => {
    const [left, top] = ['left', 'top'].map(side => Math.min(...rectangles.map(rectangle => rectangle[side])) - margin);
    const [right, bottom] = ['right', 'bottom'].map(side => Math.max(...rectangles.map(rectangle => rectangle[side])) + margin);
    return { x: left, y: top, width: right - left, height: bottom - top };
  };
  const bounds = element => element.getBoundingClientRect();
  const within = (inner, outer) => inner.left >= outer.left && inner.right <= outer.right
    && inner.top >= outer.top && inner.bottom <= outer.bottom;
  const hide = (element, hidden) => { element.style.visibility = hidden ? 'hidden' : ''; };
  // Numbers on an axis from left to right may run into each other: every second is left, or every third.
  const GAP = 3;
  const apart = axis => {
    const texts = [...axis.querySelectorAll('text')].filter(text => bounds(text).width > 0);
    const free = every => texts.filter((_, index) => index % every === 0)
      .every((text, index, left) => index === 0 || bounds(text).left >= bounds(left[index - 1]).right + GAP);
    const every = texts.findIndex((_, index) => free(index + 1)) + 1;
    texts.forEach((text, index) => hide(text, index % every !== 0));
  };

  // What a plugin's tab is made of, and how many steps a chart shows.
  const points = path => (path.getAttribute('d') || '').split(/[ML]/).length - 1;
  const tabs = {
    histograms: { dashboard: 'tf-histogram-dashboard', card: 'tf-histogram-loader', chart: 'vz-histogram-timeseries',
      steps: chart => inside(chart, '.stage .histogram').filter(step =>
        [...step.querySelectorAll('path')].some(path => points(path) > 0 && !path.getAttribute('d').includes('NaN'))).length },
    distributions: { dashboard: 'tf-distribution-dashboard', card: 'tf-distribution-loader', chart: 'vz-distribution-chart',
      steps: chart => Math.max(0, ...inside(chart, 'path.line').map(points)) },
  };
  // The first pane is that of the tags that were searched for.
  const cards = plugin => {
    const pane = drawn.all('tf-category-paginated-view')[0];
    return pane ? [...pane.querySelectorAll(tabs[plugin].card)] : [];
  };
  const charts = plugin => cards(plugin).map(card => inside(card, tabs[plugin].chart)[0]);

  // Those that a search leaves out stay, with no height.
  const curveCards = () => [...document.querySelectorAll('card-view')].filter(card => bounds(card).height > 0);
  const graph = () => drawn.all('tf-graph-scene')[0];
  const nodes = () => inside(graph(), 'g.node[data-name]');
  const model = () => graph().renderHierarchy.hierarchy.root.metagraph.nodes();

  // Longer names are cut; each is to begin where it does.
  const wholeNames = () => inside(graph(), 'g.node.op > text').forEach(text => {
    const name = text.querySelector('title');
    if (!name || text.firstChild.data === name.textContent) return;
    text.setAttribute('x', text.getBBox().x);
    text.setAttribute('text-anchor', 'start');
    text.firstChild.data = name.textContent;
  });
  // The box around the layers has much room to the right of them.
  const PADDING = 12;
  const narrow = name => {
    const [box] = nodes().filter(node => node.dataset.name === name && node.classList.contains('expanded'));
    if (!box) return;
    const [rectangle, label] = ['.nodeshape > rect', 'text.nodelabel'].map(part => box.querySelector(`:scope > ${part}`));
    const { left, width } = bounds(rectangle);
    const zoom = width / rectangle.width.baseVal.value;
    const end = Math.max(...[...box.querySelectorAll('g.node')].map(node => bounds(node).right));
    const room = Math.max((end - left) / zoom, bounds(label).width / zoom + 2 * PADDING) + PADDING;
    rectangle.setAttribute('width', room);
    label.setAttribute('x', room / 2);
    box.querySelector(':scope > .nodeshape > .buttoncontainer').style.display = 'none';
  };

  window.shots = {
    // One card in full size, with `count` points at least and all runs in its table.
    curve: (tag, runs, count) => {
      const [card, ...others] = curveCards();
      if (!card || others.length > 0) return `${card ? others.length + 1 : 'no'} cards`;
      if (card.querySelector('mat-spinner')) return 'it still loads';
      const expand = card.querySelector('mat-icon[data-mat-icon-name=fullscreen_24px]');
      if (expand) {
        expand.closest('button').click();
        return 'it was not expanded';
      }
      const marks = [...card.querySelectorAll('line-chart .series-view > svg path, line-chart .series-view > svg circle')];
      const found = marks.reduce((sum, mark) => sum + (mark.tagName === 'circle' ? 1 : points(mark)), 0);
      if (found < count) return `${found} of ${count} points of ${tag} drawn`;
      const table = card.querySelector('tb-data-table');
      const missing = runs.filter(run => !(table && table.textContent.includes(run)));
      if (missing.length > 0) return `${missing} not in the table`;
      return still([card]);
    },
    curveClip: () => {
      const [card] = curveCards();
      // Numbers fade and are cut where an axis ends.
      card.querySelectorAll('line-chart-axis svg.ticks').forEach(axis => {
        axis.style.maskImage = 'none';
        axis.querySelectorAll('text').forEach(text => hide(text, !within(bounds(text), bounds(axis))));
      });
      return around([bounds(card)], 0);
    },

    // Has the tab show the tags of a pattern; in a way of showing, where there are several.
    show: (plugin, pattern, mode) => {
      const dashboard = drawn.all(tabs[plugin].dashboard)[0];
      if (!dashboard) return 'the tab is not there';
      dashboard.set('_tagFilter', pattern);
      if (mode) dashboard.set('_histogramMode', mode);
      return true;
    },
    // The expanded cards of just these tags, each with so many steps.
    layer: (plugin, steps, mode) => {
      const found = cards(plugin);
      const [tags, wanted] = [found.map(card => card.tag), Object.keys(steps)].map(tags => tags.sort().join(', '));
      if (tags !== wanted) return `expected cards of ${wanted}, found ${tags || 'none'}`;
      if (mode && found.some(card => card.histogramMode !== mode)) return `it is not ${mode}`;
      const closed = found.filter(card => !card._expanded);
      if (closed.length > 0) {
        closed.forEach(card => card._toggleExpanded());
        return 'cards were not expanded';
      }
      // The button to make it small again.
      found.forEach(card => inside(card, 'paper-icon-button').forEach(button => { button.style.visibility = 'hidden'; }));
      for (const card of found) {
        const shown = tabs[plugin].steps(inside(card, tabs[plugin].chart)[0]);
        if (shown !== steps[card.tag]) return `${shown} of ${steps[card.tag]} steps of ${card.tag} drawn`;
      }
      return still(found);
    },
    layerClip: plugin => {
      charts(plugin).forEach(chart => inside(chart, 'g.axis.x').forEach(apart));
      return around([...cards(plugin).flatMap(card => inside(card, 'tf-card-heading')), ...charts(plugin)].map(bounds), MARGIN);
    },

    graph: () => {
      const ready = drawn.conceptual_graph();
      if (ready !== true) return ready;
      const shown = nodes().map(node => node.dataset.name);
      const inner = model().flatMap(name => {
        const node = graph().renderHierarchy.hierarchy.node(name);
        return node.metagraph ? node.metagraph.nodes() : [];
      });
      const missing = inner.filter(name => !shown.includes(name));
      return missing.length > 0 ? `${missing} not drawn` : still([graph()]);
    },
    nodes: () => nodes().length,
    // Nothing is chosen, which would have a red edge.
    fit: () => {
      graph().fire('graph-select');
      graph().fit();
    },
    graphClip: () => {
      wholeNames();
      model().forEach(narrow);
      return around(nodes().map(bounds), MARGIN);
    },
  };
})();
