# Plants a pipeline that runs on the server.
cat > /dev/null
mkdir -p .github/workflows; echo 'on: push' > .github/workflows/x.yml
