-- Where a deployment is at work, such as EU: which authority's clearance counts. None counts where it is not said.
ALTER TABLE deployments ADD COLUMN jurisdiction TEXT;
