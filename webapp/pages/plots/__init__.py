"""The plots of the review, for reviewers and admins: each answers the question that stands above it."""
