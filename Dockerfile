# Two images: the gateway, and the dashboard without LiteLLM. docs/deployment.md says how to run and how to pin them.
#
#   docker build --target gateway --tag atelier .
#   docker build --target dashboard --tag atelier-dashboard .
#
# Python 3.13 is the newest that the project supports and the one with the most years of security fixes ahead; every
# locked package has a wheel for it on amd64 and arm64, so nothing is compiled from C here. For builds that can be
# repeated, name the base by its digest: --build-arg BASE=python:3.13-slim-trixie@sha256:...
ARG BASE=python:3.13-slim-trixie

# What builds: pip, a virtual environment to fill, byte code that asks no source file for its age.
FROM ${BASE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_PYTHON=/opt/atelier \
    COMPILE="python -m compileall -qq -j 0 --invalidation-mode unchecked-hash"
RUN python -m venv --without-pip /opt/atelier
WORKDIR /src

# The project's wheel.
FROM builder AS wheel
COPY deploy/build.lock ./
RUN pip install --no-compile --require-hashes --only-binary :all: -r build.lock
COPY LICENSE README.md pyproject.toml ./
COPY gateway gateway
COPY routing_policies routing_policies
COPY templates templates
COPY dashboard dashboard
RUN /opt/atelier/bin/hatchling build --target wheel --directory /wheels

# The gateway's packages. What goes is LiteLLM's own web pages: nothing here serves them.
FROM builder AS gateway-tree
COPY deploy/gateway.lock ./
RUN pip install --no-compile --require-hashes --only-binary :all: -r gateway.lock \
 && rm -r /opt/atelier/lib/python3.*/site-packages/litellm/proxy/_experimental/out \
 && $COMPILE /opt/atelier/lib
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --no-index --no-compile /wheels/*.whl \
 && $COMPILE /opt/atelier/lib/python3.*/site-packages/gateway /opt/atelier/lib/python3.*/site-packages/routing_policies
COPY --chmod=755 deploy/healthy.py /opt/atelier/bin/healthy
COPY --chmod=755 deploy/grant_reader.py /opt/atelier/bin/grant-reader

# The dashboard's packages.
FROM builder AS dashboard-tree
COPY deploy/dashboard.lock ./
RUN pip install --no-compile --require-hashes --only-binary :all: -r dashboard.lock \
 && $COMPILE /opt/atelier/lib
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --no-index --no-compile /wheels/*.whl \
 && $COMPILE /opt/atelier/lib/python3.*/site-packages/gateway /opt/atelier/lib/python3.*/site-packages/dashboard
COPY --chmod=755 deploy/healthy.py /opt/atelier/bin/healthy
COPY --chmod=755 deploy/serve_dashboard.py /opt/atelier/bin/serve-dashboard

# What runs: no pip, the standard library as byte code too (the base image leaves it out), a user of its own. Nothing
# below is ever written to but /data and /tmp.
FROM ${BASE} AS runtime
RUN pip uninstall --yes --quiet --root-user-action ignore pip \
 && rm -r /usr/local/lib/python3.*/ensurepip \
 && python -m compileall -qq -j 0 --invalidation-mode unchecked-hash -x '/(idlelib|tkinter|turtledemo)/' \
      /usr/local/lib/python3.* \
 && groupadd --gid 10001 atelier \
 && useradd --uid 10001 --gid atelier --no-create-home --home-dir /data --shell /usr/sbin/nologin atelier \
 && install --directory --owner atelier --group atelier --mode 0700 /data
ENV PATH=/opt/atelier/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
ARG VERSION=0.1.0 REVISION=""
LABEL org.opencontainers.image.vendor="Atelier" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
STOPSIGNAL SIGTERM

FROM runtime AS dashboard
LABEL org.opencontainers.image.title="Atelier dashboard" \
      org.opencontainers.image.description="The team's pages of the Atelier LLM gateway."
COPY --from=dashboard-tree /opt/atelier /opt/atelier
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["healthy", "8501", "/_stcore/health"]
ENTRYPOINT ["serve-dashboard"]

# The last one is what `docker build .` makes.
FROM runtime AS gateway
LABEL org.opencontainers.image.title="Atelier" \
      org.opencontainers.image.description="An OpenAI-compatible LLM gateway for content teams."
COPY --from=gateway-tree /opt/atelier /opt/atelier
COPY config.yaml /etc/atelier/config.yaml
ENV ATELIER_CONFIG=/etc/atelier/config.yaml ATELIER_DATA_DIR=/data ATELIER_HOST=0.0.0.0 ATELIER_PORT=4000
WORKDIR /etc/atelier
USER 10001:10001
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["healthy", "4000", "/health/live"]
ENTRYPOINT ["atelier"]
CMD ["serve"]
