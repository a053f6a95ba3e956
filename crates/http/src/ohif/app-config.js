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

window.config = {
  name: 'lightbox',
  routerBasename: '/ohif',
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  showErrorDetails: 'always',
  // Shown at the start of each session; below, the same stands beside the logo for as long as OHIF is open.
  investigationalUseDialog: { option: 'always' },
  whiteLabeling: {
    createLogoComponentFn: (React) =>
      React.createElement(
        'span',
        { style: { display: 'flex', alignItems: 'baseline', gap: '12px', whiteSpace: 'nowrap' } },
        React.createElement('a', { href: '/read', title: 'Back to the worklist of Lightbox' }, '‹ Lightbox'),
        React.createElement('strong', null, 'OHIF Viewer'),
        React.createElement('span', null, 'Not for clinical use'),
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
