// How OHIF works inside Lightbox: its data are this server's DICOMweb, read with the session of whoever is signed in.
// Every option that loads from elsewhere (customisations, other data sources, dynamic configuration) stays off.
window.PUBLIC_URL = '/ohif/';

// OHIF's page defines this in an inline script, which our policy forbids.
window.browserImportFunction = (address) => import(address);

// Lightbox refuses changes by cookie without this header (CSRF guard); storing measurements is such a change.
const openRequest = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function open(method, ...rest) {
  openRequest.call(this, method, ...rest);
  if (method.toUpperCase() === 'POST') this.setRequestHeader('X-Lightbox', '1');
};

/** The session is over: sign in, and come back. */
function signIn() {
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** A sequence of a data set, which OHIF gives as a list, an item or nothing. */
const itemsOf = (sequence) => [sequence ?? []].flat();

/** Whether a structured report marks a place on an image. */
function hasCoordinates({ ContentSequence }) {
  return itemsOf(ContentSequence).some((item) => item.ValueType?.startsWith('SCOORD') || hasCoordinates(item));
}

/** A report's content without its references to images, which OHIF's text view cannot show and, unnamed, fails on. */
function textContent({ ContentSequence }) {
  const isText = (item) => item.ConceptNameCodeSequence && item.ValueType !== 'IMAGE';
  const texts = itemsOf(ContentSequence).filter(isText);
  return texts.map((item) => (item.ContentSequence ? { ...item, ContentSequence: textContent(item) } : item));
}

/**
 * OHIF draws every imaging measurement report (TID 1500) on its images, and fails on one that has nothing to draw, such
 * as a finding without a place. It shows other reports as text: let it show these so too.
 */
function showAsText({ displaySetsAdded }) {
  for (const displaySet of displaySetsAdded) {
    if (!displaySet.isImagingMeasurementReport || displaySet.instances.some(hasCoordinates)) continue;
    displaySet.isImagingMeasurementReport = false;
    displaySet.instances = displaySet.instances.map((report) =>
      Object.create(report, { ContentSequence: { value: textContent(report) } }),
    );
  }
}

const reportsAsText = {
  id: 'lightbox.reports-as-text',
  onModeEnter({ servicesManager }) {
    const { displaySetService } = servicesManager.services;
    this.subscription = displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, showAsText);
  },
  onModeExit() {
    this.subscription?.unsubscribe();
  },
};

window.config = {
  name: 'lightbox',
  routerBasename: '/ohif',
  extensions: [reportsAsText],
  modes: [],
  // A tour would lie over the first image that a person opens.
  customizationService: [{ 'ohif.tours': { $set: [] } }],
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: false,
  // Whoever asks for drawing without a GPU (`?viewportRendering=cpu`) need not be told.
  showCPUFallbackMessage: !new URLSearchParams(location.search).has('viewportRendering'),
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  showErrorDetails: 'always',
  // Confirmed once a month; its gist stands beside the name for as long as OHIF is open.
  investigationalUseDialog: { option: 'configure', days: 30 },
  whiteLabeling: {
    createLogoComponentFn: (React) =>
      React.createElement(
        'span',
        { style: { color: '#fff', whiteSpace: 'nowrap' } },
        React.createElement('strong', null, 'OHIF Viewer'),
        React.createElement(
          'span',
          { style: { marginLeft: '10px', fontSize: '12px', opacity: 0.8 } },
          'Not for clinical use',
        ),
      ),
  },
  defaultDataSourceName: 'lightbox',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'lightbox',
      configuration: {
        friendlyName: 'Lightbox',
        name: 'lightbox',
        qidoRoot: `${location.origin}/dicomweb`,
        wadoRoot: `${location.origin}/dicomweb`,
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'thumbnail',
        thumbnailRequestStrategy: 'fetch',
        enableStudyLazyLoad: true,
        singlepart: 'bulkdata,pdf',
        bulkDataURI: { enabled: true },
      },
    },
  ],
  httpErrorHandler: (request) => {
    if (request.status === 401) signIn();
  },
};
