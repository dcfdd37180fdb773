# whop-elt in a container: it loads and models, and ends. Nothing in it needs to be kept: cursors,
# the lock and open incidents live in the destination. docs/operate.md has the command.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/whop-elt
# What the project needs to run, in the versions of requirements.lock, without what its tests need.
COPY deploy/requirements.lock ./
RUN pip install --require-hashes -r requirements.lock \
 && useradd --create-home --uid 10001 whop \
 && install --directory --owner whop /srv/whop
COPY src src
COPY sources sources
COPY pipelines pipelines
COPY dbt dbt

USER whop
WORKDIR /srv/whop
ENV PYTHONPATH=/opt/whop-elt/src \
    WHOP_ELT_DESTINATION=postgres
ENTRYPOINT ["python", "-m", "whop_elt.cli"]
CMD ["run", "--quiet"]
