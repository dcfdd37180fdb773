# whop-elt in a container: it loads and models, and ends. Nothing in it needs to be kept: cursors,
# the lock and open incidents live in the destination. The README's "On a schedule" has the command.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/whop-elt
COPY requirements.lock pyproject.toml README.md ./
COPY sources sources
COPY pipelines pipelines
COPY dbt dbt
# What the project needs to run, in the versions and with the hashes of the lock; its build tool too,
# which would come unlocked otherwise. A constraint may not name extras. Editable, as dbt's project
# lies beside the code.
RUN sed -E 's/\[[^]]*\]==/==/' requirements.lock > constraints.txt \
 && pip install --constraint constraints.txt setuptools \
 && pip install --constraint constraints.txt --no-build-isolation --editable . \
 && useradd --create-home --uid 10001 whop \
 && install --directory --owner whop /srv/whop

USER whop
WORKDIR /srv/whop
ENV WHOP_ELT_DESTINATION=postgres
ENTRYPOINT ["whop-elt"]
CMD ["run", "--quiet"]
