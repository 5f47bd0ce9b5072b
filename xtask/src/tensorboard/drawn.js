// What each dashboard has drawn: true, or what is still missing, as a text; knows nothing of what is right. Runs in
// the page before its own scripts. The names of elements are those of TensorBoard 2.21.
(() => {
  // All elements for a selector, in nested shadow roots and frames too, where Polymer's dashboards live.
  const all = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const element of root.querySelectorAll('*')) {
      const inner = element.shadowRoot || (element.tagName === 'IFRAME' && element.contentDocument);
      if (inner) found.push(...all(selector, inner));
    }
    return found;
  };
  const inside = (element, selector) => all(selector, element.shadowRoot || element);
  const shown = element => element.getBoundingClientRect().height > 0;
  const every = (what, elements, isDrawn) => {
    const drawn = elements.filter(isDrawn).length;
    return elements.length > 0 && drawn === elements.length ? true : `${drawn} of ${elements.length} ${what} drawn`;
  };
  const hasPath = path => (path.getAttribute('d') || 'NaN').includes('NaN') === false;
  const lineChart = chart => chart.hasAttribute('data-loaded-once') && !chart.hasAttribute('data-loading')
    && inside(chart, 'path.line').some(hasPath);
  const cards = (card, chart, isDrawn) =>
    every('cards', all(card).filter(shown), card => inside(card, chart).length > 0 && inside(card, chart).every(isDrawn));
  const graph = () => all('tf-graph-scene')[0];
  const nodeNames = () => inside(graph(), 'g.node[data-name]').map(node => node.dataset.name);
  const topNodes = () => graph().renderHierarchy.hierarchy.root.metagraph.nodes();
  // A dialog tells what went wrong; the nodes of an older graph stay until the new one is drawn.
  const graphShown = () => {
    const dialog = all('paper-dialog').find(dialog => dialog.opened);
    if (dialog) return `a dialog says ${dialog.textContent.trim()}`;
    if (!graph() || !graph().renderHierarchy) return 'it still loads';
    const drawn = nodeNames();
    return every('nodes', topNodes(), name => drawn.includes(name));
  };

  window.drawn = {
    all,
    // Cards are drawn when they come into view, and only the first groups of them are open at first.
    timeseries: () => {
      const waiting = all('mat-spinner').filter(shown).length;
      if (waiting) return `${waiting} cards still load`;
      const inView = all('card-view').filter(card => shown(card) && card.getBoundingClientRect().top < innerHeight);
      const drawn = every('cards', inView, card => {
        const curves = [...card.querySelectorAll('line-chart .series-view > svg path, g.histogram > path[d]')];
        const images = [...card.querySelectorAll('image-card img')];
        return curves.every(hasPath) && (curves.length > 0 || images.some(image => image.naturalWidth > 0));
      });
      if (drawn !== true || window.groupsOpened) return drawn;
      all('button.group-toolbar mat-icon[data-mat-icon-name=expand_more_24px]').forEach(icon => icon.closest('button').click());
      window.groupsOpened = true;
      return 'not all groups are open';
    },
    scalars: () => cards('tf-scalar-card', 'vz-line-chart2', lineChart),
    custom_scalars: () =>
      cards('tf-custom-scalar-multi-line-chart-card, tf-custom-scalar-margin-chart-card', 'vz-line-chart2', lineChart),
    pr_curves: () => cards('tf-pr-curve-card', 'vz-line-chart2', lineChart),
    histograms: () =>
      cards('tf-histogram-loader', 'vz-histogram-timeseries', chart =>
        inside(chart, '.stage .histogram path').some(hasPath)),
    distributions: () =>
      cards('tf-distribution-loader', 'vz-distribution-chart', chart => inside(chart, 'svg path').some(hasPath)),
    images: () => cards('tf-image-loader', 'img', image => image.complete && image.naturalWidth > 0),
    // The browser has read a file's head when it knows how long it is.
    audio: () => cards('tf-audio-loader', 'audio', audio => audio.readyState > 0 && audio.duration > 0),
    text: () => cards('tf-text-loader', 'tf-markdown-view', view => view.shadowRoot.textContent.trim() !== ''),
    hparams: () => {
      const rows = all('tf-hparams-table-view vaadin-grid, vaadin-grid').filter(shown);
      return every('tables', rows, grid =>
        [...grid.querySelectorAll('vaadin-grid-cell-content')].some(cell => /^-?[\d.]+(e-?\d+)?$/.test(cell.textContent.trim())));
    },
    mesh: () => every('cards', all('tf-mesh-loader').filter(shown), card =>
      card._meshViewerAttached && card._cameraPositionInitialized && card._meshViewer._lastMesh
      && inside(card, 'canvas').some(canvas => canvas.getBoundingClientRect().height > 100)
      && inside(card, 'paper-spinner-lite').every(spinner => spinner.hidden)),
    projector: () => {
      const points = all('vz-projector .numDataPoints, .numDataPoints')[0];
      if (!(points && Number(points.textContent) > 0)) return 'no points';
      return every('canvases', all('vz-projector canvas, canvas').filter(shown), canvas => canvas.width > 0);
    },
    // Where the last card ends, from the top of the page; no more than what is in view.
    bottom: () => {
      const ends = all('tf-category-paginated-view, metrics-card-groups').filter(shown)
        .map(element => element.getBoundingClientRect().bottom + 16);
      return ends.length > 0 ? Math.min(innerHeight, Math.max(560, ...ends)) : innerHeight;
    },
    op_graph: graphShown,
    // The graph of operations is drawn first, where there is one.
    conceptual_graph: () => {
      const controls = all('tf-graph-controls')[0];
      const conceptual = run => run.tags.findIndex(tag => tag.conceptualGraph);
      const run = controls ? controls.datasets.findIndex(run => conceptual(run) >= 0) : -1;
      if (run < 0) return 'no run has one';
      const tag = conceptual(controls.datasets[run]);
      // A graph that still loads would come after the one that is asked for, and stay.
      const now = controls.datasets[controls._selectedRunIndex].tags[controls._selectedTagIndex];
      if (now.opGraph && graphShown() !== true) return 'the first graph still loads';
      if (controls._selectedRunIndex !== run) {
        controls.set('_selectedRunIndex', run);
        return 'its run was not chosen';
      }
      if (controls._selectedTagIndex !== tag) {
        window.otherGraph = graph() && graph().renderHierarchy;
        controls.set('_selectedTagIndex', tag);
        return 'its tag was not chosen';
      }
      const button = inside(controls, 'paper-radio-button[name=conceptual_graph]')[0];
      if (button.disabled) return 'its button is disabled';
      if (controls.selection.type !== 'conceptual_graph') {
        button.click();
        return 'its button was not pressed';
      }
      if (graph() && graph().renderHierarchy === window.otherGraph) return 'it still loads';
      const shown = graphShown();
      const [model, ...others] = shown === true ? topNodes() : [];
      // A model is one node, closed at first.
      if (shown !== true || others.length > 0 || nodeNames().some(name => name.startsWith(`${model}/`))) return shown;
      if (!window.modelOpened) graph().fire('node-toggle-expand', { name: model });
      window.modelOpened = true;
      return 'its model is not open';
    },
  };
})();
